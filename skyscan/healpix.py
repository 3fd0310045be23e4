"""healpy's pixel functions, without the rest of `import healpy`.

All of healpy imports astropy and, if installed, matplotlib: 0.7 s in each job and script with
healpy 1.20, 1.7 s with 1.16. These functions alone take 0.1 s. Pixels are in RING order unless
a name says NEST; angles are in radians.

The two modules of these functions are imported as parts of a healpy package whose own code was
not run, and then removed from ``sys.modules``: a later `import healpy` gets the complete
package with its own copies. If healpy no longer consists of these modules, all of it is
imported.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_F = TypeVar("_F")

PARTS = ("pixelfunc", "_query_disc")
FUNCTIONS = (
    *("ang2pix", "get_all_neighbours", "nest2ring", "nside2npix", "nside2pixarea"),
    *("pix2ang", "pix2vec", "query_disc", "ring2nest"),
)


#: The module of decorators of healpy's functions, which imports astropy for warnings about
#: arguments that none of our functions has. healpy 1.16 has none, and always imports astropy.
_DEPRECATION = "healpy.utils.deprecation"


class _Undecorated(ModuleType):
    """A module whose decorators leave functions as they are."""

    def __getattr__(self, name: str) -> Callable[..., Callable[[_F], _F]]:
        if not name.startswith("deprecated"):
            raise AttributeError(f"module {_DEPRECATION!r} has no attribute {name!r}")
        return lambda *_, **__: lambda function: function


def _import_parts() -> tuple[ModuleType, ...]:
    """Import the parts, or all of healpy if it is loaded or no longer consists of them."""
    spec = None if "healpy" in sys.modules else find_spec("healpy")
    if spec is not None:
        sys.modules["healpy"] = module_from_spec(spec)
        sys.modules[_DEPRECATION] = _Undecorated(_DEPRECATION)
        try:
            return tuple(import_module(f"healpy.{name}") for name in PARTS)
        except ImportError:
            pass  # import all of it below; if that fails too, its error says why
        finally:
            for name in [name for name in sys.modules if name.split(".")[0] == "healpy"]:
                del sys.modules[name]
    healpy = import_module("healpy")
    return healpy, healpy


def __getattr__(name: str) -> Any:  # noqa: ANN401  (healpy has no types)
    """Import the functions at the first use of one: most commands need none."""
    if name not in FUNCTIONS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    pixelfunc, query_disc = _import_parts()
    homes = {"query_disc": query_disc}
    globals().update({it: getattr(homes.get(it, pixelfunc), it) for it in FUNCTIONS})
    return globals()[name]
