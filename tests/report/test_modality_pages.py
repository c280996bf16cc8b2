"""Pages of data sets of the kind `labels`: texts, images, or numbers and ids stand for the examples."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.command import mempipe
from tests.own.tables import HOSTILE, N_COPIED, write_digits, write_texts, write_wines
from tests.own.worlds import CODE
from tests.report.conftest import opened, visit
from tests.report.site import script

SPEC = """
name: {name}
data: {{name: labels, train: {folder}/train{suffix}, test: {folder}/test{suffix}, {preview}}}
trainer: {{kind: own, entry: "{entry}:train", version: "1", params: {params}}}
subsets: {{design: balanced}}
trials: 20
chunk_size: 20
"""


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Reports of runs by name."""
    made = {}
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("PYTHONPATH", str(CODE), prepend=os.pathsep)
        for name, write, suffix, preview, entry, params in (
            ("texts", write_texts, ".csv", "text: text", "words", "{C: 1000.0}"),
            ("wines", write_wines, ".parquet", "license: CC0", "wine", "{}"),
            ("digits", write_digits, ".npz", "image: image", "nearest", "{scale: 0.01}"),
        ):
            folder = tmp_path_factory.mktemp(name)
            write(folder)
            keys = {"name": name, "folder": folder, "suffix": suffix, "preview": preview, "entry": entry}
            (folder / "spec.yaml").write_text(SPEC.format(**keys, params=params))
            release = mempipe("run", folder / "spec.yaml", "--store", folder / "store").stdout.splitlines()[-1]
            made[name] = Path(mempipe("report", release, "--out", folder / "report").stdout.strip()).parent
    return made


def test_texts_stand_for_the_examples(browser: Page, reports: dict[str, Path]) -> None:
    """Each page shows the examples' own texts, of which it loads only the sheets that it needs."""
    with opened(browser, reports["texts"]) as page:
        visit(page, reports["texts"], "duplicates")
        couples = page.locator(".card")
        expect(couples).to_have_count(N_COPIED)
        for couple in couples.all():
            expect(couple.locator(".tile.text")).to_have_count(2)
            expect(couple.locator(".tile.text").first).not_to_be_empty()
            left, right = (sorted(text.lower().split()) for text in couple.locator(".tile.text").all_inner_texts())
            assert left == right
        visit(page, reports["texts"], "examples")
        first = page.locator(".card").first
        expect(first).to_have_attribute("title", "exception-5")
        first.click()
        expect(page.locator(".facts")).to_contain_text("exception-5")
        expect(page.locator(".detail .tile.whole")).to_contain_text("aloq5")


def test_a_text_is_no_markup(browser: Page, reports: dict[str, Path]) -> None:
    """A script in it would leave a message, which `opened` finds."""
    hostile = script(reports["texts"], "names")["train"].index(f"exception-{HOSTILE}")
    with opened(browser, reports["texts"]) as page:
        visit(page, reports["texts"], f"train/{hostile}")
        expect(page.locator(".tile.whole")).to_contain_text("<img src=x onerror=alert(8)>")
        expect(page.locator("img")).to_have_count(0)


def test_numbers_and_ids_stand_for_the_examples(browser: Page, reports: dict[str, Path]) -> None:
    meta, names = script(reports["wines"], "meta"), script(reports["wines"], "names")
    assert (meta["images"], meta["texts"]) == (None, None)
    assert "neither images nor texts" in meta["imagesNote"]
    with opened(browser, reports["wines"]) as page:
        visit(page, reports["wines"], "train/3")
        expect(page.locator(".tile.none")).to_contain_text("#3")
        expect(page.locator(".tile.none")).to_contain_text(names["train"][3])
        assert names["train"][3] == "wine-005"


def test_images_stand_for_the_examples(browser: Page, reports: dict[str, Path]) -> None:
    assert (reports["digits"] / script(reports["digits"], "meta")["images"]["train"][0]["file"]).exists()
    with opened(browser, reports["digits"]) as page:
        visit(page, reports["digits"], "train/3")
        assert "url(" in page.locator(".tile").first.evaluate("tile => getComputedStyle(tile).backgroundImage")
        expect(page.locator(".facts")).to_contain_text("digit-3")
