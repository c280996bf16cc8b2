"""The folder that becomes the website: never half written, and nothing but an earlier report is replaced."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from mempipe.errors import InputError

MARKER: Final = "mempipe-report.json"
"""A file that says that a folder is a report, which may be replaced by a newer one."""


def check_folder(out: Path) -> None:
    """Tell whether a report may be written to `out`, before anything is computed.

    Raises:
        InputError: it is a file, or holds something else than a report.
    """
    if not out.exists():
        return
    got = "is a file" if not out.is_dir() else None
    if out.is_dir() and not (out / MARKER).exists():
        got = next((f"holds {path.name}" for path in sorted(out.iterdir())), None)
    if got is not None:
        raise InputError(
            f"Report cannot be written: {out} {got}, expected a new or empty folder, or an earlier report.",
            hint="choose another folder with --out.",
        )


@contextmanager
def replaced(out: Path) -> Iterator[Path]:
    """Yield a new folder that takes the place of `out` at the end; after an error `out` is as it was."""
    target = out.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    staging, old = (target.with_name(f".{target.name}.{kind}") for kind in ("new", "old"))
    shutil.rmtree(staging, ignore_errors=True)
    if old.exists():  # a run was killed between the two renames below
        if target.exists():
            shutil.rmtree(old)
        else:
            old.rename(target)
    staging.mkdir()
    try:
        yield staging
        (staging / MARKER).write_text('{"made_by": "mempipe report"}\n')
        if target.exists():
            target.rename(old)
        staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
