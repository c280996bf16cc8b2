"""Data Docs: pages that open from a file, need no network, and are committed once."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

from mempipe.storage import open_store
from mempipe.validation.data_docs import Section, build_site, upload_site
from mempipe.validation.expectations import release_suites
from tests.validation.release_tables import FACTS, Tables


class _Requests(HTMLParser):
    """Collects what a browser would load, and the links."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.policies: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "a":
            self.links.append(values.get("href") or "")
        elif tag == "meta" and values.get("http-equiv") == "Content-Security-Policy":
            self.policies.append(values.get("content") or "")
        elif tag in {"link", "script", "img", "iframe", "source", "object", "embed"}:
            self.loads += [value for key, value in attrs if key in {"src", "href", "data", "srcset"} and value]


def test_data_docs_need_no_network_and_no_server(release: Tables, tmp_path: Path) -> None:
    sections = [Section("Odd <trials>", ("Trial",), [("<b>7</b>",)], "none")]
    build_site(release_suites(release, FACTS), release, folder=tmp_path, title="A & B", sections=sections)
    pages = {path.relative_to(tmp_path).as_posix(): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    names = [f"release_{table}" for table in ("examples", "test_examples", "pairs", "classes")]
    assert set(pages) == {"index.html", *(f"{name}{kind}.html" for name in names for kind in ("", "-expectations"))}
    for name, page in pages.items():
        requests = _Requests()
        requests.feed(page)
        assert requests.loads == [], name
        assert requests.policies == [
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
        ]
        assert not re.search(r"@import|url\(", page), name
        assert all(link.startswith("#") or link in pages for link in requests.links), (name, requests.links)
        assert "A &amp; B" in page
    assert "&lt;b&gt;7&lt;/b&gt;" in pages["index.html"]
    assert "mem_se above 0" in pages["index.html"]
    assert "Only reported: mem_mostly_known (warning)" in pages["release_examples.html"]


def test_upload_keeps_the_first_site(tmp_path: Path) -> None:
    store = open_store("memory://upload")
    for text in ("first", "second"):
        (tmp_path / "index.html").write_text(text)
        assert upload_site(store, "validation/x/data_docs", tmp_path) == "validation/x/data_docs/index.html"
    assert store.read("validation/x/data_docs/index.html") == b"first"


def test_upload_puts_the_first_page_last(tmp_path: Path) -> None:
    """Who sees it can follow its links."""
    store = open_store("memory://upload-order")
    for name in ("a.html", "index.html", "z.html"):
        (tmp_path / name).write_text(name)
    upload_site(store, "docs", tmp_path)
    order = sorted(store.list("docs/"), key=lambda info: int(info.generation))
    assert [info.key for info in order] == ["docs/a.html", "docs/z.html", "docs/index.html"]


def test_great_expectations_is_quiet_and_offline(tmp_path: Path) -> None:
    """In a fresh process: nothing printed, no warning, no connection, no name looked up, no telemetry set up."""
    program = """
import socket, sys, warnings

def refuse(*arguments, **options):
    raise AssertionError(f"network: {arguments}")

socket.socket.connect = refuse
socket.getaddrinfo = refuse
warnings.simplefilter("error")
import pandas
from pathlib import Path
from mempipe.validation.checks import Suite, unique, row_count
from mempipe.validation.data_docs import build_site
assert "great_expectations" not in sys.modules
suite = Suite("s", "t", "A table.", (unique("a"), row_count(2, "two")))
results = build_site((suite,), {"t": pandas.DataFrame({"a": [1, 1]})}, folder=Path(sys.argv[1]), title="t")
assert not results.success
"""
    process = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=False)
    assert (process.returncode, process.stdout, process.stderr) == (0, "", "")
