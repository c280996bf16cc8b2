"""The website in a store: the bytes of the folder, the first page last, and nothing but an earlier report replaced."""

from io import StringIO
from pathlib import Path

import pytest

from mempipe.errors import InputError
from mempipe.report import upload
from mempipe.report.upload import report_to
from mempipe.steps.progress import LineReporter
from mempipe.storage import Store, open_store
from tests.report.conftest import Planted


def report(planted: Planted, out: str, **changes: bool) -> str:
    options = {"data": None, "images": False, "experiments": None, "reporter": LineReporter(StringIO())} | changes
    return report_to(str(planted.release), out, **options)  # type: ignore[arg-type]


def test_the_store_gets_the_folders_bytes(planted: Planted, tmp_path: Path) -> None:
    page = report(planted, str(tmp_path / "folder"))
    assert page == str(tmp_path / "folder" / "index.html")
    uri = report(planted, "memory://upload-equal/reports/planted/x")
    assert uri == "memory://upload-equal/reports/planted/x/index.html"
    place = open_store("memory://upload-equal/reports/planted/x")
    files = {path.relative_to(tmp_path / "folder").as_posix(): path for path in (tmp_path / "folder").rglob("*.*")}
    stored = {info.key: place.read(info.key) for info in place.list()}
    assert stored == {key: path.read_bytes() for key, path in files.items() if path.is_file()}


def test_a_later_report_replaces_it_and_leaves_the_rest_alone(planted: Planted) -> None:
    root = open_store("memory://upload-again")
    root.create("releases/x.json", b"kept")
    report(planted, "memory://upload-again/reports", images=True)
    sheets = [info.key for info in root.list("reports/sheets/")]
    assert sheets
    report(planted, "memory://upload-again/reports")
    assert not list(root.list("reports/sheets/"))
    assert root.read("releases/x.json") == b"kept"


def test_a_place_that_holds_something_else_is_refused(planted: Planted) -> None:
    root = open_store("memory://upload-refused")
    root.create("releases/x.json", b"kept")
    with pytest.raises(InputError, match=r"holds releases/x\.json, expected nothing or an earlier report"):
        report(planted, "memory://upload-refused")
    assert [info.key for info in root.list()] == ["releases/x.json"]


@pytest.mark.parametrize("below", [True, False])
def test_a_report_above_others_removes_none(planted: Planted, tmp_path: Path, below: bool) -> None:
    """Whether the outer one was there first, or not."""
    for root in (f"memory://upload-nested-{below}/reports", str(tmp_path / "reports")):
        first, second = (root, f"{root}/planted/1") if below else (f"{root}/planted/1", root)
        report(planted, first)
        if below:
            report(planted, second)
        with pytest.raises(InputError, match=r"holds planted"):
            report(planted, root)
        store = open_store(root)
        assert store.exists("planted/1/index.html")
        assert store.exists("index.html") == below


def test_the_page_comes_last(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a report exists when its page does; and the mark comes first, so that one that was broken off is replaced."""
    keys: list[str] = []

    class BrokenOffError(Exception):
        pass

    def put(store: Store, key: str, content: bytes) -> None:
        if key == "index.html" and "broken" in store.uri:
            raise BrokenOffError
        keys.append(key)
        store.create(key, content)

    monkeypatch.setattr(upload, "put", put)
    report(planted, "memory://upload-order/reports")
    assert (keys[0], keys[-1]) == ("mempipe-report.json", "index.html")
    with pytest.raises(BrokenOffError):
        report(planted, "memory://upload-broken/reports")
    monkeypatch.undo()
    report(planted, "memory://upload-broken/reports")
    assert open_store("memory://upload-broken/reports").exists("index.html")
