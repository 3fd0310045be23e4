"""The JSON of the scan model, and its JSON Schema, from the dataclasses themselves."""

from __future__ import annotations

import json
import re
import types
from dataclasses import asdict, fields, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from workflows.engines.engine import Failure
from workflows.model import scan
from workflows.model.scan import VERSION, ScanModel

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SIMPLE = {int: "integer", float: "number", str: "string", bool: "boolean", type(None): "null"}
_ATTRIBUTE = re.compile(r"^    (\w[\w, ]*) : .*\n((?:        .*\n|\s*\n)+)", re.MULTILINE)


def as_json(model: ScanModel) -> str:
    """Return the model as JSON."""
    return json.dumps(asdict(model), indent=1, allow_nan=False)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of `as_json`."""
    root = schema_of(ScanModel, "Scan model")
    root["properties"]["version"] = {"const": VERSION, "description": "Version of the model."}
    return root


def schema_of(kind: type, title: str) -> dict[str, Any]:
    """Return the JSON Schema of a dataclass and of those in it."""
    definitions: dict[str, Any] = {}
    root = _object(kind, definitions)
    return {"$schema": DIALECT, "title": title, **root, "$defs": definitions}


def _object(kind: type, definitions: dict[str, Any]) -> dict[str, Any]:
    names = {**vars(scan), "Failure": Failure}
    hints = get_type_hints(kind, localns=names)
    texts = _descriptions(kind.__doc__ or "")
    properties = {}
    for it in fields(kind):
        value = _value(hints[it.name], definitions)
        text = texts.get(it.name)
        properties[it.name] = {**value, "description": text} if text else value
    first, _, _ = (kind.__doc__ or "").partition("\n\n")
    return {
        "type": "object",
        "description": " ".join(first.split()),
        "properties": properties,
        "required": list(properties),
        "additionalProperties": True,
    }


def _value(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    if is_dataclass(hint) and isinstance(hint, type):
        name = hint.__name__
        if name not in definitions:
            definitions[name] = {}
            definitions[name] = _object(hint, definitions)
        return {"$ref": f"#/$defs/{name}"}
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        return {"enum": list(inner)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_value(it, definitions) for it in inner]}
    if origin in (tuple, list):
        return {"type": "array", "items": _value(inner[0], definitions)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _value(inner[1], definitions)}
    return {} if hint is Any else {"type": _SIMPLE[hint]}


def _descriptions(docstring: str) -> dict[str, str]:
    """Return the texts of the attributes that a numpydoc docstring describes."""
    _, _, attributes = docstring.partition("    ----------\n")
    found = {}
    for names, text in _ATTRIBUTE.findall(attributes):
        for name in names.split(", "):
            found[name] = " ".join(text.split()).replace("``", "`")
    return found
