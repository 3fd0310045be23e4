"""JSON that people can read, with short values on one line."""

import json
import textwrap

WIDTH = 96


def readable(value, depth=0, label=""):
    """Return JSON in lines of a readable length; ``label`` precedes it on its line."""
    flat = json.dumps(value, allow_nan=False)
    indent = " " * (depth + 1)
    if len(indent + label + flat) < WIDTH or not isinstance(value, dict | list | tuple):
        return label + flat
    if isinstance(value, dict):
        items = [readable(v, depth + 1, f"{json.dumps(k)}: ") for k, v in value.items()]
    elif any(isinstance(one, dict) for one in value):
        items = [readable(one, depth + 1) for one in value]
    else:
        items = _filled([json.dumps(one) for one in value], WIDTH - len(indent))
    begin, end = "{}" if isinstance(value, dict) else "[]"
    return f"{label}{begin}\n" + textwrap.indent(",\n".join(items), " ") + f"\n{end}"


def _filled(items, width):
    """Return lines of several items each."""
    lines = [items[0]]
    for item in items[1:]:
        longer = f"{lines[-1]}, {item}"
        if len(longer) < width:
            lines[-1] = longer
        else:
            lines.append(item)
    return lines
