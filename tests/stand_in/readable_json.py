"""JSON that people can read: short things on one line."""

import json

WIDTH = 96


def readable(value, depth=0):
    """Return JSON in lines of a readable length."""
    flat = json.dumps(value, allow_nan=False)
    indent = " " * (depth + 1)
    if len(indent + flat) <= WIDTH or not isinstance(value, dict | list):
        return flat
    if isinstance(value, dict):
        lines = [f"{json.dumps(k)}: {readable(v, depth + 1)}" for k, v in value.items()]
        return "{\n" + ",\n".join(indent + line for line in lines) + "\n" + indent[:-1] + "}"
    if any(isinstance(one, dict) for one in value):
        lines = [readable(one, depth + 1) for one in value]
        return "[\n" + ",\n".join(indent + line for line in lines) + "\n" + indent[:-1] + "]"
    lines, line = [], ""
    for item in (json.dumps(one) for one in value):
        if line and len(indent + line + item) + 3 > WIDTH:
            lines.append(line)
            line = ""
        line += ", " * bool(line) + item
    return "[\n" + ",\n".join(indent + one for one in [*lines, line]) + "\n" + indent[:-1] + "]"
