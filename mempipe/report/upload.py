"""Puts the website into a store, so that a bucket serves it; `mempipe report --out` takes a folder or a URI."""

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
    """Make the website of a release in a folder or, with the URI of a store's folder, in the store.

    Args:
        release: see `build_report`, as for all others.
        out: a folder, as `build_report` takes it; or a URI below which there is nothing or an earlier report.
        data: of the images.
        images: whether thumbnails are wanted.
        experiments: folder or URI of results; None: the release's own.
        reporter: told what is done.

    Returns:
        Path or URI of its first page.

    Raises:
        InputError: something else than a report lies below `out`.
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
    """Return the objects of an earlier report, of which those that the new one lacks will be deleted."""
    found = list(place.list())
    if foreign := foreign_to_report([info.key for info in found]):
        raise InputError(
            f"Report cannot be written: {place.uri} holds {foreign}, expected nothing or an earlier report.",
            hint=f"choose another place with --out, such as …/{report_place('NAME', 'ID')}.",
        )
    return found


def _upload(folder: Path, place: Store, earlier: list[ObjectInfo], reporter: Reporter) -> None:
    """Write every file, the first page last, then delete what no longer belongs to the report.

    The page's addresses carry a hash of the data, so a browser mixes no old and new files; a reader who holds the old
    page while the new one is written may miss a file and must load again.
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
        except (ObjectNotFoundError, GenerationError):  # another writer of the report was faster
            continue
