"""Tokens for tests: complete JSON web tokens without a signature."""

import base64
import json
from pathlib import Path


def jwt(**claims: object) -> str:
    """Return a token with these claims."""
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    words = [base64.urlsafe_b64encode(json.dumps(part).encode()) for part in parts]
    return ".".join(word.decode().rstrip("=") for word in (*words, b"signature"))


def write_token(file: Path, *tokens: str, mode: int = 0o600) -> Path:
    """Write a file of tokens, one per line."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text("".join(f"{token}\n" for token in tokens))
    file.chmod(mode)
    return file
