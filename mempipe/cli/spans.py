"""Reads `A:B`, a span of trials."""

import re

from mempipe.errors import InputError
from mempipe.spans import Span
from mempipe.spec import MAX_TRIALS


def parse_span(text: str) -> Span:
    """Return the trials A to B - 1 of `A:B`.

    Raises:
        InputError: not two whole numbers with 0 <= A < B.
    """
    match = re.fullmatch(r"(\d+):(\d+)", text)
    if match is None or not int(match[1]) < int(match[2]) <= MAX_TRIALS:
        raise InputError(
            f"Command cannot be run: --trials is {text!r}, expected A:B with 0 <= A < B <= {MAX_TRIALS}.",
            hint="for example --trials 0:100 for the first hundred.",
        )
    return Span(int(match[1]), int(match[2]))
