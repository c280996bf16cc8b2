"""The website as a person uses it: opened as a file in Chromium, by mouse, by keyboard and at a phone's width."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page

import mempipe
from mempipe.scores.pairs import pair_statistics
from tests.command import mempipe as mempipe_command
from tests.report.conftest import PLANTED, Planted, opened, visit

VIEWS = ("", "memorization", "examples", "levels", "influence", "pairs", "duplicates", "suspects", "train/3", "test/5")


@pytest.fixture
def page(browser: Page, planted: Planted) -> Iterator[Page]:
    """The report."""
    with opened(browser, planted.report) as page:
        yield page


def numbers(page: Page) -> list[float]:
    """The numbers in the line that describes the selection."""
    return [float(number.replace(",", "")) for number in re.findall(r"[\d,.]*\d", page.locator(".state").inner_text())]


@pytest.mark.parametrize("width", [1280, 375])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_opens_without_horizontal_scroll(page: Page, planted: Planted, width: int, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 800})
    pair = mempipe.load_release(planted.release).pairs.to_pylist()[0]
    for view in (*VIEWS, f"pair/{pair['tr_idx']}-{pair['tt_idx']}"):
        visit(page, planted.report, view)
        assert page.locator("h1").count() == 1
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), view
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})


def test_sliders_count_what_python_selects(page: Page, planted: Planted) -> None:
    release = mempipe.load_release(planted.release)
    visit(page, planted.report, "pairs")
    infl, mem = (page.get_by_label(re.compile(f"^{name} at least$")) for name in ("Influence", "Memorization"))
    for least_infl, least_mem in ((0.15, 0.25), (0.05, 0.1), (0.08, 0.4), (0.3, 0.1), (0.9, 0.99)):
        infl.fill(str(least_infl))
        mem.fill(str(least_mem))
        table = release.select_pairs(mem=least_mem, infl=least_infl)
        reference = pair_statistics(table["tr_idx"].to_numpy(), table["tt_idx"].to_numpy(), release.manifest.n_test)
        share = round(100 * reference.test_share, 2)
        assert numbers(page) == [reference.n_pairs, reference.n_train, reference.n_test, share, reference.n_test_single]
    visit(page, planted.report, "pairs?infl=0.1&mem=0.2&class=8")  # the address keeps the thresholds
    of_class = [row for row in release.select_pairs(mem=0.2, infl=0.1).to_pylist() if row["label"] == 8]
    assert numbers(page)[0] == len(of_class) > 0


def test_figure_3_and_section_3_3(page: Page, planted: Planted) -> None:
    release = mempipe.load_release(planted.release)
    visit(page, planted.report, "influence")
    page.get_by_text("The same numbers as a table").click()
    bins = [int(cell) for cell in page.locator("details tbody td").all_inner_texts()]
    edges = np.array([(15 + 5 * k) / 100 for k in range(18)])
    assert bins == np.histogram(release.pairs["infl"].to_numpy(), edges)[0].tolist()
    summary = release.manifest.pairs
    cells = page.get_by_role("region", name="Statistics of section 3.3").locator("tbody tr td:nth-child(2)")
    assert summary.test_share is not None
    expected = [summary.n_pairs, summary.n_train, summary.n_test, f"{summary.test_share:.2%}", summary.n_test_single]
    assert cells.all_inner_texts() == [str(value) for value in expected]


def test_planted_mislabels_are_suspected(page: Page, planted: Planted) -> None:
    visit(page, planted.report, "suspects")
    page.locator(".definition").get_by_text("held-out accuracy is at most").wait_for()
    links = page.locator(".cards a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    examples = mempipe.load_release(planted.release).examples.to_pylist()
    reference = {row["idx"] for row in examples if row["mem"] >= 0.5 and row["heldout_accuracy"] <= 0.1}
    assert {int(link.removeprefix("#/train/")) for link in links} == reference
    assert set(PLANTED) <= reference
    assert len(reference) < 60


def test_levels_are_not_figure_1_and_lead_to_it_where_it_is(browser: Page, planted: Planted, tmp_path: Path) -> None:
    with opened(browser, planted.report) as page:
        visit(page, planted.report, "levels")
        assert "experiment" not in page.locator("#main p").first.inner_text()
    release = tmp_path / planted.release.relative_to(planted.store)
    shutil.copytree(planted.release, release)
    mempipe_command("experiment", "examples", release)
    mempipe_command("report", release, "--no-images", "--out", tmp_path / "site")
    with opened(browser, tmp_path / "site") as page:
        visit(page, tmp_path / "site", "levels")
        page.get_by_role("link", name="experiment of that figure").click()
        page.get_by_role("heading", name="Training examples near given memorization values").wait_for()


def test_suspects_in_no_pair_are_in_none_of_the_release(page: Page, planted: Planted) -> None:
    """As far down as the report has pairs: the slider ends there."""
    release = mempipe.load_release(planted.release)
    visit(page, planted.report, "suspects?mem=0&heldout=1&helpless=1")
    slider = page.get_by_label(re.compile("^Memorization at least$"))
    assert (slider.get_attribute("min"), slider.input_value()) == ("0.1", "0.1")
    paired = set(release.select_pairs(mem=-1, infl=0.15)["tr_idx"].to_pylist())
    memorized = {row["idx"] for row in release.examples.to_pylist() if row["mem"] is not None and row["mem"] >= 0.1}
    assert numbers(page)[0] == len(memorized - paired) > 0
    assert memorized & paired
    cells = page.locator(".cards a .line", has_text=" · in ").all_inner_texts()
    assert cells
    assert all(line.endswith(" · in 0 pairs") for line in cells)
    visit(page, planted.report, "suspects?mem=0&heldout=1")
    assert numbers(page)[0] == len(memorized)


def test_permalinks(page: Page, planted: Planted) -> None:
    release = mempipe.load_release(planted.release)
    pair = release.pairs.to_pylist()[-1]
    visit(page, planted.report, f"pair/{pair['tr_idx']}-{pair['tt_idx']}")
    text = page.locator("main").inner_text()
    assert f"{pair['infl']:.3f} ± {pair['infl_se']:.3f}" in text
    assert f"{pair['correct_in']} of {pair['n_in']} models" in text
    page.get_by_role("link", name=f"Training example {pair['tr_idx']}").click()
    example = release.examples.to_pylist()[pair["tr_idx"]]
    assert f"{example['mem']:.3f} ± {example['mem_se']:.3f}" in page.locator("main").inner_text()
    assert page.locator(f"a[href='#/pair/{pair['tr_idx']}-{pair['tt_idx']}']").count() == 1
    page.go_back()
    assert page.url.endswith(f"#/pair/{pair['tr_idx']}-{pair['tt_idx']}")
    for wrong in ("pair/0-0", "pair/x", "train/99999", "test/-1"):
        visit(page, planted.report, wrong)
        assert re.search("not in the report|There is no", page.locator("h1").inner_text())


def test_the_keyboard_suffices(page: Page, planted: Planted) -> None:
    visit(page, planted.report, "pairs")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") == "range"
    before = numbers(page)[0]
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.value") == "0.1"
    assert numbers(page)[0] > before
    page.get_by_role("button", name="Next").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.dataset.page") in {"Next", "First"}  # focus stays in the pager
    page.wait_for_function("location.hash.includes('page=1')")
    page.get_by_role("navigation", name="Views").get_by_role("link", name="Suspects").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.tagName === 'H1'")
    assert "Suspected mislabels" in page.title()
