"""The folder of the website: written atomically; replaces only an earlier report."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Final

from mempipe.errors import InputError
from mempipe.storage.staging import replace_folder, staging_folder

MARKER: Final = "mempipe-report.json"
"""A file that marks a folder as a report, which a newer report may replace."""


def check_folder(out: Path) -> None:
    """Check that a report may be written to `out`, before anything is computed.

    Raises:
        InputError: it is a file, or its content is not a report.
    """
    if not out.exists():
        return
    foreign = foreign_to_report(_names(out)) if out.is_dir() else None
    if foreign is not None or not out.is_dir():
        raise InputError(
            f"Report cannot be written: {out} {f'holds {foreign}' if foreign else 'is a file'}, expected a new or "
            "empty folder, or an earlier report.",
            hint="choose another folder with --out.",
        )


def foreign_to_report(files: Sequence[str]) -> str | None:
    """Return a file that a new report must not remove, of all below the report's place; None if there is none.

    That is any file if the place has no report, or a file of another report below it.
    """
    if MARKER in files:
        return next((file for file in files if file.endswith(f"/{MARKER}")), None)
    return files[0] if files else None


def _names(out: Path) -> list[str]:
    """List the files below a folder, which a concurrent writer of the report may replace."""
    names = [
        Path(parent, name).relative_to(out).as_posix() for parent, *below in os.walk(out) for name in chain(*below)
    ]
    return [*([MARKER] if (out / MARKER).exists() else []), *sorted(names)]


@contextmanager
def replaced(out: Path) -> Iterator[Path]:
    """Yield a new folder that replaces `out` at the end; after an error `out` is unchanged."""
    target = out.resolve()
    with staging_folder(target.parent) as staging:
        yield staging
        (staging / MARKER).write_text('{"made_by": "mempipe report"}\n')
        check_folder(target)
        replace_folder(staging, target)
