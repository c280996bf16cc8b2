"""Downloads of the website: tables as CSV, experiments' results, copies of the release's small files."""

import shutil
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pyarrow.csv as pa_csv

from mempipe.report.content import ReportContent
from mempipe.report.experiments import write_result_files

_COPIED_BYTES: Final = 8 * 2**20
"""Larger files of the release are not copied; the page lists them with their checksums."""


def write_downloads(content: ReportContent, folder: Path) -> list[dict[str, Any]]:
    """Write the files; return path, href, size and checksum of each, also of the files that are not copied."""
    folder.mkdir()
    listed = []
    for name, table in content.tables.items():
        path = folder / f"{name}.csv"
        pa_csv.write_csv(table, path)
        listed.append(_entry(path.name, f"{folder.name}/{path.name}", path.stat().st_size, None))
    for path in write_result_files(content.experiments, folder):
        listed.append(_entry(path.name, f"{folder.name}/{path.name}", path.stat().st_size, None))
    for file in content.files:
        href = None
        if file.n_bytes <= _COPIED_BYTES:
            copy = folder / file.path
            copy.parent.mkdir(exist_ok=True)
            shutil.copyfile(file.local(), copy)
            href = f"{folder.name}/{quote(file.path)}"
        listed.append(_entry(file.path, href, file.n_bytes, file.sha256))
    return listed


def _entry(path: str, href: str | None, n_bytes: int, sha256: str | None) -> dict[str, Any]:
    return {"path": path, "href": href, "bytes": n_bytes, "sha256": sha256}
