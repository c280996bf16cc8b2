"""The console for the results of commands."""

import sys
from typing import Final

from rich.console import Console

_WIDTH_OF_A_FILE: Final = 120


def console() -> Console:
    """Return a console as wide as the terminal, or of a fixed width if the output is a file."""
    return Console() if sys.stdout.isatty() else Console(width=_WIDTH_OF_A_FILE, highlight=False)
