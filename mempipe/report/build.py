"""`mempipe report`: writes the folder of the website."""

import hashlib
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

import mempipe
from mempipe.release.open_scores import open_scores
from mempipe.report.content import ReportContent
from mempipe.report.downloads import write_downloads
from mempipe.report.experiments import find_experiments, script_of, summary_of
from mempipe.report.folder import check_folder, replaced
from mempipe.report.from_scores import content_of
from mempipe.report.images import Images, find_images
from mempipe.report.packed import pack, write_script
from mempipe.report.similarity import pixel_difference
from mempipe.steps.progress import Reporter

_STATIC: Final = ("report.js", "report.css")
_TOKEN_DIGITS: Final = 12


def build_report(
    release: str, out: Path, *, data: str | None, images: bool, experiments: str | None, reporter: Reporter
) -> Path:
    """Write the website of a release to `out`; equal input gives equal bytes.

    Args:
        release: folder or URI of a release, of a name's releases, or a folder of npz files in the authors' format.
        out: a new or empty folder, or an earlier report, which is replaced when the new one is complete.
        data: path or URI of the data set, or a spec that names it; None: as the release records.
        images: whether to show the examples' images and texts.
        experiments: folder or URI with results of the release's experiments; None: those in the release's store.
        reporter: receives progress and notes.

    Returns:
        The absolute path of `out`.

    Raises:
        InputError: `out` has other content, an option cannot be used, or a result is damaged or of another release.
        ReleaseError: the release is missing or damaged.
        DataError: the images are of another data set, or `data` cannot be read.
    """
    check_folder(out)
    with reporter.stage("reading scores", total=1, unit="releases") as advance:
        scores = open_scores(release)
        content = content_of(scores, find_experiments(scores, experiments))
        advance(1)
    pictures = find_images(content, data) if images else Images(None, "No images: --no-images was given.")
    reporter.note(pictures.note)
    with replaced(out) as folder:
        (folder / "data").mkdir()
        sheets = _write_images(content, pictures, folder / "sheets", reporter)
        texts = _write_texts(content, pictures, folder / "texts")
        downloads = write_downloads(content, folder / "downloads")
        token = _write_arrays(content, folder / "data")
        meta = _meta(content, pictures, sheets, texts, downloads, token)
        write_script(folder / "data" / "meta.js", "meta", meta)
        _write_page(content, folder, token)
    for experiment in content.experiments:
        reporter.note(f"experiment {experiment.newest.experiment}: {1 + len(experiment.older)} results")
    floor, n_pairs = content.floor, len(content.pairs["tr_idx"])
    down_to = f", down to mem {floor.mem:g} and infl {floor.infl:g}" if content.has_pairs else ": they are unknown"
    reporter.note(f"{n_pairs:,} pairs{down_to}")
    return out.resolve()


def _write_images(content: ReportContent, pictures: Images, folder: Path, reporter: Reporter) -> dict[str, Any] | None:
    """Write the sheets, add each example's slot and each pair's pixel difference; return the page's description."""
    from mempipe.report.sheets import COLUMNS, TILES, tile_shape, write_sheets

    dataset = pictures.dataset
    if dataset is None or not dataset.has_images:
        return None
    images = dataset.images
    folder.mkdir()
    height, width = tile_shape(*images.shape[:2])
    described: dict[str, Any] = {"height": height, "width": width, "columns": COLUMNS, "tiles": TILES}
    with reporter.stage("drawing sheets", total=dataset.n_train + dataset.n_test, unit="images") as advance:
        for part, pixels, columns, priority in (
            ("train", images.train, content.train, content.train["mem"]),
            ("test", images.test, content.test, _test_priority(content)),
        ):
            scale, labels = images.pixel_max, columns["label"]
            sheets = write_sheets(folder, part, pixels, labels, priority, pixel_max=scale, advance=advance)
            columns["slot"] = sheets.slot
            pairs = zip(sheets.files, sheets.tiles, strict=True)
            described[part] = [{"file": f"{folder.name}/{name}", "tiles": n_tiles} for name, n_tiles in pairs]
    content.pairs["pixels"] = pixel_difference(
        images.train, images.test, content.pairs["tr_idx"], content.pairs["tt_idx"], images.pixel_max
    )
    return described


def _write_texts(content: ReportContent, pictures: Images, folder: Path) -> dict[str, Any] | None:
    """Write the sheets of texts, add each example's slot; return the page's description."""
    dataset = pictures.dataset
    if dataset is None or dataset.train_texts is None or dataset.test_texts is None:
        return None
    from mempipe.report.sheets import TILES
    from mempipe.report.texts import text_limit, write_texts

    folder.mkdir()
    limit = text_limit(dataset.n_train + dataset.n_test)
    described: dict[str, Any] = {"limit": limit, "tiles": TILES}
    for part, texts, columns, priority in (
        ("train", dataset.train_texts, content.train, content.train["mem"]),
        ("test", dataset.test_texts, content.test, _test_priority(content)),
    ):
        sheets = write_texts(folder, part, texts, columns["label"], priority, limit=limit)
        columns["slot"] = sheets.slot
        described[part] = [f"{folder.name}/{name}" for name in sheets.files]
    return described


def _test_priority(content: ReportContent) -> NDArray[np.float64]:
    """Return the priority of test examples: the most influenced first, then those with most errors."""
    correct = content.test.get("n_correct")
    n_test = len(content.test["label"])
    priority = np.zeros(n_test) if correct is None else -correct / max(content.n_trials or 1, 1)
    np.maximum.at(priority, content.pairs["tt_idx"], content.pairs["infl"])
    return priority


def _write_arrays(content: ReportContent, folder: Path) -> str:
    """Write the arrays; return digits of their hash, which are part of every address on the page.

    So a browser never combines a new page with old sheets or arrays from its cache.
    """
    for name in ("train", "test", "pairs"):
        write_script(folder / f"{name}.js", name, pack(getattr(content, name)))
    write_script(folder / "names.js", "names", {"train": content.train_names, "test": content.test_names})
    if content.experiments:
        write_script(folder / "experiments.js", "experiments", script_of(content.experiments))
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        digest.update(path.read_bytes())
    for name in _STATIC:
        digest.update((files("mempipe.report") / "static" / name).read_bytes())
    return digest.hexdigest()[:_TOKEN_DIGITS]


def _meta(
    content: ReportContent,
    pictures: Images,
    sheets: dict[str, Any] | None,
    texts: dict[str, Any] | None,
    downloads: list[dict[str, Any]],
    token: str,
) -> dict[str, Any]:
    return {
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
        "hasPairs": content.has_pairs,
        "images": sheets,
        "texts": texts,
        "imagesNote": pictures.note,
        "downloads": downloads,
        "experiments": [summary_of(experiment) for experiment in content.experiments],
        "token": token,
    }


def _write_page(content: ReportContent, folder: Path, token: str) -> None:
    static = files("mempipe.report") / "static"
    for name in _STATIC:
        (folder / name).write_bytes((static / name).read_bytes())
    page = Template((static / "index.html").read_text(encoding="utf-8"))
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in content.facts)
    text = page.substitute(title=escape(content.title), facts=facts, token=token)
    (folder / "index.html").write_text(text, encoding="utf-8")
