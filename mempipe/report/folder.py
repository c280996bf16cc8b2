"""The folder that becomes the website: never half written, and nothing but an earlier report is replaced."""

import shutil
from collections.abc import Iterator, Sequence
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
    if out.is_dir():
        files = [path.relative_to(out).as_posix() for path in sorted(out.rglob("*"))]
        got = f"holds {foreign}" if (foreign := foreign_to_report(files)) else None
    else:
        got = "is a file"
    if got is not None:
        raise InputError(
            f"Report cannot be written: {out} {got}, expected a new or empty folder, or an earlier report.",
            hint="choose another folder with --out.",
        )


def foreign_to_report(files: Sequence[str]) -> str | None:
    """Return a file that a new report must not remove, of all below the place of the report; None where there is none.

    That is any file where no report lies, and another report below this one.
    """
    if MARKER in files:
        return next((file for file in files if file.endswith(f"/{MARKER}")), None)
    return files[0] if files else None


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
