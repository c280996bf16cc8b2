"""A span of consecutive trials; commands write it `A:B`."""

from typing import NamedTuple


class Span(NamedTuple):
    """The trials `start` to `stop - 1`."""

    start: int
    stop: int

    def __len__(self) -> int:
        """Return the number of trials; 0 where `stop` is not after `start`."""
        return max(0, self.stop - self.start)

    def __str__(self) -> str:
        """Return `start:stop`, as `--trials` takes it."""
        return f"{self.start}:{self.stop}"
