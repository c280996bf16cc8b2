"""Keeps TensorFlow's notices about itself out of the terminal; warnings and errors pass."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_NOTICES: Final = (
    b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
    b"I0000 ",
)
"""Beginnings of lines that TensorFlow 2.21 writes at its start, below every log level."""


@contextmanager
def without_notices() -> Iterator[None]:
    """Buffer standard error, that of C++ code too, and write everything but the notices afterwards."""
    descriptor = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(descriptor, 2)
            os.close(descriptor)
            held.seek(0)
            for line in held:
                if not line.startswith(_NOTICES):
                    os.write(2, line)
