"""Write the page of a scan: all that is known of it in one file that needs no network."""

from __future__ import annotations

import base64
import hashlib
import time
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from skyscan import __version__
from skyscan.answer.sky.frame import turn_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2 import Environment

#: A page with more is written again, with fewer cells of its maps.
MAX_BYTES = 2_000_000
_STYLE, _SCRIPT, _TEMPLATE = "page.css", "page.js", "page.html"


@dataclass(frozen=True)
class Page:
    """What a page shows, by the names of its template.

    Attributes
    ----------
    values : dict
        Everything but the maps.
    chart : dict or None
        The map, as `skyscan.answer.chart` gives it; None if there is none.
    """

    values: Mapping[str, Any]
    chart: Mapping[str, Any] | None = field(default=None)


def page_text(page: Page) -> str:
    """Return the page of a scan as HTML."""
    return page_of(_TEMPLATE, _SCRIPT, {**page.values, "chart": page.chart})


def page_of(template: str, script_name: str, values: Mapping[str, Any]) -> str:
    """Return a page as HTML, from a template and a script of this package.

    Every value is escaped; by the policy in the page itself, a browser runs and loads nothing
    but the script and the style that are part of skyscan.
    """
    from markupsafe import Markup

    style, script = _read(_STYLE), _read(script_name)
    return (
        _environment()
        .get_template(template)
        .render(
            **values,
            style=Markup(style),  # noqa: S704  (a file of this package)
            script=Markup(script),  # noqa: S704
            style_digest=_digest(style),
            script_digest=_digest(script),
            version=__version__,
        )
    )


@cache
def _environment() -> Environment:
    """Return jinja's environment, which keeps compiled templates: a page is written twice."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters["turn"] = turn_text
    return environment


def utc_text(seconds: float) -> str:
    """Return a time as people read it, such as ``2024-01-01 06:00:00 UTC``."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def _read(name: str) -> str:
    return resources.files("workflows.page").joinpath(name).read_text("utf-8")


def _digest(text: str) -> str:
    """Return the digest by which a browser's content security policy knows a text."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
