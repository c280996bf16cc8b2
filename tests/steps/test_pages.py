"""What people read of a finished run: the Data Docs in a real browser, and the README's example."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.command import run_folder
from tests.servers import absent

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture
def chromium() -> str:
    """The browser; where there is none the test is skipped, or fails in the gate."""
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    return browser_path or absent("no Chromium on the PATH")


def test_data_docs_open_from_a_file(finished: tuple[Path, Path], chromium: str, tmp_path: Path) -> None:
    """Each first page shows its verdict, and every page that it links to is there."""
    pages = sorted(run_folder(finished[0]).glob("validation/*/data_docs/index.html"))
    assert len(pages) == 2  # the trials' and the release's
    for page in pages:
        command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}", "--dump-dom"]
        dom = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=60, check=True).stdout
        assert "The tables are valid." in dom
        links = {link for link in re.findall(r'href="([^"#]+)"', dom) if not link.startswith("data:")}
        assert len(links) >= 2
        for link in links:
            assert (page.parent / link).is_file(), link


def test_the_readmes_example_runs(finished: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    lines = [line.strip() for line in block.strip().splitlines()]
    (tmp_path / "mempipe-store" / "releases").mkdir(parents=True)
    (tmp_path / "mempipe-store" / "releases" / "digits").symlink_to(finished[0] / "releases" / "tiny")
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {}
    for line in lines[:-1]:
        exec(line, scope)  # noqa: S102 - our own README
    pairs = eval(lines[-1], scope)  # noqa: S307 - our own README
    assert pairs.column_names[:2] == ["tr_idx", "tt_idx"]
