"""Rounds of a scan that is known, for simulations of its workflow."""


class GivenRounds:
    """The rounds of a scan that is known: each has so many fits, one of each pixel."""

    def __init__(self, n_fits) -> None:
        self._n = 0
        self._left = list(n_fits)

    @property
    def n_pixels(self):
        """Return the number of pixels so far."""
        return self._n

    def ask(self, done):
        """Return the fits of the next round, once all others are done."""
        if not done.all() or not self._left:
            return 0
        n = self._left.pop(0)
        self._n += n
        return n
