"""Parses spans of trials: `A:B`, or `B` for the first B trials."""

import re

from mempipe.errors import InputError
from mempipe.spans import Span
from mempipe.spec import MAX_TRIALS


def parse_span(text: str) -> Span:
    """Return the trials A to B - 1 of `A:B`, or 0 to B - 1 of `B`.

    Raises:
        InputError: not whole numbers with 0 <= A < B.
    """
    match = re.fullmatch(r"(?:(\d+):)?(\d+)", text)
    if match is None or not int(match[1] or 0) < int(match[2]) <= MAX_TRIALS:
        raise InputError(
            f"Command cannot be run: --trials is {text!r}, expected A:B with 0 <= A < B <= {MAX_TRIALS}, or B for 0:B.",
            hint="for example --trials 100 for the first hundred, --trials 100:200 for the second.",
        )
    return Span(int(match[1] or 0), int(match[2]))
