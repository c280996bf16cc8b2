"""Writes the website into a store, so that a bucket can serve it; `mempipe report --out` takes a folder or a URI."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from mempipe.data.fetch import is_remote
from mempipe.errors import GenerationError, InputError, ObjectNotFoundError
from mempipe.places import report_place
from mempipe.report.build import build_report
from mempipe.report.folder import MARKER, foreign_to_report
from mempipe.steps.progress import Reporter
from mempipe.storage import ObjectInfo, Store, checked_key, open_store, put

PAGE: Final = "index.html"


def report_to(
    release: str, out: str, *, data: str | None, images: bool, experiments: str | None, reporter: Reporter
) -> str:
    """Write the website of a release to a folder or, if `out` is the URI of a store's folder, to the store.

    Args:
        release: see `build_report`, as for the other arguments.
        out: a folder, or a URI below which there is nothing or an earlier report.
        data: path or URI of the data set.
        images: whether to show thumbnails.
        experiments: folder or URI of results; None: those in the release's store.
        reporter: receives progress and notes.

    Returns:
        Path or URI of its first page.

    Raises:
        InputError: there are other objects than a report below `out`.
    """

    def built(folder: Path) -> Path:
        return build_report(release, folder, data=data, images=images, experiments=experiments, reporter=reporter)

    if not is_remote(out):
        return str(built(Path(out.removeprefix("file://"))) / PAGE)
    place = open_store(out)
    earlier = _earlier(place)
    with TemporaryDirectory(prefix="mempipe-report-") as name:
        _upload(built(Path(name) / "report"), place, earlier, reporter)
    return f"{place.uri}/{PAGE}"


def _earlier(place: Store) -> list[ObjectInfo]:
    """Return the objects of an earlier report; the new report deletes those that it does not have."""
    objects = list(place.list())
    if foreign := foreign_to_report([info.key for info in objects]):
        raise InputError(
            f"Report cannot be written: {place.uri} holds {foreign}, expected nothing or an earlier report.",
            hint=f"choose another place with --out, such as …/{report_place('NAME', 'ID')}.",
        )
    return objects


def _upload(folder: Path, place: Store, earlier: list[ObjectInfo], reporter: Reporter) -> None:
    """Write every file, the first page last, then delete the files that are no longer part of the report.

    The page's addresses contain a hash of the data, so browsers never mix old and new files. A reader of the old page
    may miss a file while the new report is written, and must reload.
    """
    files = {checked_key(path.relative_to(folder).as_posix()): path for path in folder.rglob("*") if path.is_file()}
    with reporter.stage("uploading", total=len(files), unit="files") as advance:
        for key in sorted(files, key=lambda key: (key == PAGE, key != MARKER, key)):
            put(place, key, files[key].read_bytes())
            advance(1)
    for info in earlier:
        if info.key in files:
            continue
        try:
            place.delete(info.key, generation=info.generation)
        except (ObjectNotFoundError, GenerationError):  # a concurrent writer of the report was first
            continue
