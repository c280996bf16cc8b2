"""`mempipe report`: makes the folder of the website."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any, Final
from urllib.parse import quote

import numpy as np
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

import mempipe
from mempipe.errors import InputError
from mempipe.release.load import load_release
from mempipe.report.content import ReportContent
from mempipe.report.from_authors import looks_like_authors_files, read_authors
from mempipe.report.from_release import content_of
from mempipe.report.images import FoundImages, find_images
from mempipe.report.packed import pack, write_script
from mempipe.report.similarity import pixel_difference
from mempipe.steps.progress import Reporter
from mempipe.data.fetch import is_remote

MARKER: Final = "mempipe-report.json"
"""A file that says that a folder is a report, which may be replaced by a newer one."""

_STATIC: Final = ("report.js", "report.css")


def build_report(release: str, out: Path, *, data: str | None, images: bool, reporter: Reporter) -> Path:
    """Write the website of a release to `out`.

    Args:
        release: folder or URI of a release, of a name's releases, or a folder of npz files in the authors' format.
        out: absent, empty, or an earlier report, which is replaced when the new one is whole.
        data: path or URI of the data set, or a spec that names it; None: as the release says.
        images: whether thumbnails are wanted.
        reporter: told what is done.

    Returns:
        `out`, absolute.

    Raises:
        InputError: `out` holds something else, or an option cannot be used.
        ReleaseError: there is no release, or it is damaged.
        DataError: the images are of another data set, or `data` cannot be read.
    """
    _check_folder(out)
    with reporter.stage("reading scores", total=1, unit="releases") as advance:
        content = _read(release)
        advance(1)
    found = find_images(content, data) if images else FoundImages(None, "No images: --no-images was given.")
    reporter.note(found.note)
    with _replaced(out) as folder:
        (folder / "data").mkdir()
        sheets = _write_images(content, found, folder / "sheets", reporter)
        downloads = _write_downloads(content, folder / "downloads")
        _write_data(content, found, sheets, downloads, folder / "data")
        _write_page(content, folder)
    reporter.note(f"{len(content.pairs['tr_idx']):,} pairs down to mem {content.floor.mem:g}, infl {content.floor.infl:g}")
    return out.resolve()


def _read(release: str) -> ReportContent:
    if not is_remote(release) and looks_like_authors_files(folder := Path(release.removeprefix("file://"))):
        return read_authors(folder)
    return content_of(load_release(release))


def _write_images(content: ReportContent, found: FoundImages, folder: Path, reporter: Reporter) -> dict[str, Any] | None:
    """Write the sheets, add each example's slot and each pair's pixel difference; return what the page must know."""
    from mempipe.report.sheets import COLUMNS, TILES, tile_shape, write_sheets

    dataset = found.dataset
    if dataset is None:
        return None
    folder.mkdir()
    shape = tile_shape(*dataset.image_shape[:2])
    described: dict[str, Any] = {"height": shape[0], "width": shape[1], "columns": COLUMNS, "tiles": TILES}
    parts: tuple[tuple[str, NDArray[Any], dict[str, NDArray[Any]], NDArray[np.float64]], ...] = (
        ("train", dataset.train_images, content.train, content.train["mem"]),
        ("test", dataset.test_images, content.test, _test_priority(content)),
    )
    total = dataset.n_train + dataset.n_test
    with reporter.stage("drawing sheets", total=total, unit="images") as advance:
        for part, images, columns, priority in parts:
            sheets = write_sheets(
                folder, part, images, columns["label"], priority, pixel_max=dataset.pixel_max, advance=advance
            )
            columns["slot"] = sheets.slot
            described[part] = [{"file": f"sheets/{name}", "tiles": n} for name, n in zip(sheets.files, sheets.tiles, strict=True)]
    content.pairs["pixels"] = pixel_difference(
        dataset.train_images, dataset.test_images, content.pairs["tr_idx"], content.pairs["tt_idx"], dataset.pixel_max
    )
    return described


def _test_priority(content: ReportContent) -> NDArray[np.float64]:
    """Test examples that are influenced most come first, then those that models are wrong on."""
    correct = content.test.get("n_correct")
    n_test = len(content.test["label"])
    priority = np.zeros(n_test) if correct is None else -correct / max(content.n_trials or 1, 1)
    np.maximum.at(priority, content.pairs["tt_idx"], content.pairs["infl"])
    return priority


def _write_downloads(content: ReportContent, folder: Path) -> list[dict[str, Any]]:
    """Write CSV tables and copy the small score files; return (what, href, bytes) for the page."""
    folder.mkdir()
    listed = []
    for name, table in content.tables.items():
        path = folder / f"{name}.csv"
        pa_csv.write_csv(table, path)
        listed.append({"path": path.name, "href": f"downloads/{path.name}", "bytes": path.stat().st_size, "sha256": None})
    for file in content.files:
        href = None
        if file.local is not None:
            (folder / file.path).parent.mkdir(exist_ok=True)
            shutil.copyfile(file.local, folder / file.path)
            href = f"downloads/{quote(file.path)}"
        listed.append({"path": file.path, "href": href, "bytes": file.n_bytes, "sha256": file.sha256})
    return listed


def _write_data(
    content: ReportContent,
    found: FoundImages,
    sheets: dict[str, Any] | None,
    downloads: list[dict[str, Any]],
    folder: Path,
) -> None:
    meta = {
        "title": content.title,
        "id": content.id,
        "uri": content.uri,
        "version": mempipe.__version__,
        "facts": content.facts,
        "spec": content.spec,
        "classNames": content.class_names,
        "nTrials": content.n_trials,
        "thresholds": {"mem": content.thresholds.mem, "infl": content.thresholds.infl},
        "floor": {"mem": content.floor.mem, "infl": content.floor.infl},
        "images": sheets,
        "imagesNote": found.note,
        "downloads": downloads,
    }
    write_script(folder / "meta.js", "meta", meta)
    for name in ("train", "test", "pairs"):
        write_script(folder / f"{name}.js", name, pack(getattr(content, name)))
    write_script(folder / "names.js", "names", {"train": content.train_names, "test": content.test_names})


def _write_page(content: ReportContent, folder: Path) -> None:
    static = files("mempipe.report") / "static"
    for name in _STATIC:
        (folder / name).write_bytes((static / name).read_bytes())
    page = Template((static / "index.html").read_text(encoding="utf-8"))
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in content.facts)
    text = page.substitute(title=escape(content.title), facts=facts)
    (folder / "index.html").write_text(text, encoding="utf-8")
    (folder / MARKER).write_text('{"made_by": "mempipe report"}\n')


def _check_folder(out: Path) -> None:
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
def _replaced(out: Path) -> Iterator[Path]:
    """Yield a new folder that takes the place of `out` at the end; after an error `out` is as it was."""
    target = out.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    staging, old = (target.with_name(f".{target.name}.{kind}") for kind in ("new", "old"))
    for leftover in (staging, old):
        shutil.rmtree(leftover, ignore_errors=True)
    staging.mkdir()
    try:
        yield staging
        if target.exists():
            target.rename(old)
        staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
