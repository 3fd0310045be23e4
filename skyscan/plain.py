"""Numbers as people and programs write them."""


def plain_number(text: str) -> float:
    """Return the number that a text is; `float` also takes 1_0 and the digits of all scripts.

    Raises
    ------
    ValueError
        It is none.
    """
    if not text.isascii() or "_" in text:
        raise ValueError(f"{text!r} is not a number")
    return float(text)
