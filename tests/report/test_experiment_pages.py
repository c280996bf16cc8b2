"""The experiments' view as a person uses it: read by mouse, by keyboard, at a phone's width."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.command import mempipe
from tests.report.conftest import Experimented, Planted, opened, visit
from tests.report.results import NAMES


@pytest.fixture
def page(browser: Page, experimented: Experimented) -> Iterator[Page]:
    """The report with experiments."""
    with opened(browser, experimented.report) as page:
        yield page


def figure(page: Page, title: str) -> Locator:
    """A figure of the view that is open, by its caption."""
    return page.locator("figure").filter(has=page.locator(f"figcaption:text-is('{title}')"))


def values(experimented: Experimented, table: str, column: str) -> list[float]:
    """A column of the result that was made by hand."""
    cells = experimented.newest[1].findings.tables[table].columns[column].values
    return [float("nan") if cell is None else float(cell) for cell in cells]


@pytest.mark.parametrize("width", [1280, 375])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_opened(page: Page, experimented: Experimented, width: int, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 800})
    visit(page, experimented.report, "experiments")
    expect(page.locator("section.experiment")).to_have_count(2)
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for drawing in page.locator(".chart svg").all():
        outside = """svg => [...svg.querySelectorAll('text')].filter(text => {
            const [of, at] = [svg.getBoundingClientRect(), text.getBoundingClientRect()];
            return at.left < of.left - 1 || at.right > of.right + 1 || at.top < of.top - 1 || at.bottom > of.bottom + 1;
        }).map(text => text.textContent)"""
        assert drawing.evaluate(outside) == []
    text = page.locator("main").inner_text()
    result = experimented.newest[1]
    for part in (
        *(fact.value for fact in result.findings.facts),
        *result.findings.notes,
        result.paper,
        "all < some & none",
    ):
        assert part in text
    assert result.release in text
    assert "2026-01-02 03:04 UTC" in text
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})


def test_lines_are_read_by_mouse_and_by_keys(page: Page, experimented: Experimented) -> None:
    visit(page, experimented.report, "experiments/all-kinds")
    chart = figure(page, "Agreement of the architectures")
    readout, drawing = chart.locator(".readout"), chart.locator(".chart")
    drawing.scroll_into_view_if_needed()
    box = drawing.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] - 25, box["y"] + 100)
    expect(readout.locator("strong")).to_have_text("memorization threshold 0.9")
    expect(readout.locator("span")).to_have_count(len(NAMES))
    first = values(experimented, "agreement", "y0")[8], values(experimented, "agreement", "sd0")[8]
    expect(readout.locator("span").first).to_have_text(f"ResNet50: {first[0]:.3f}\u00a0±\u00a0{first[1]:.3f}")
    assert chart.locator(".guide").count() == 1
    page.mouse.move(5, 5)
    expect(readout).to_contain_text("Point at the chart")
    drawing.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    label = drawing.get_attribute("aria-valuetext") or ""
    assert "memorization threshold 0.5" in label
    assert "Inception: –" in label  # it has no value there
    page.keyboard.press("End")
    assert "threshold 0.9" in (drawing.get_attribute("aria-valuetext") or "")
    page.keyboard.press("Escape")
    assert chart.locator(".guide").count() == 0


def test_lines_are_hidden_and_shown(page: Page, experimented: Experimented) -> None:
    visit(page, experimented.report, "experiments")
    chart = figure(page, "Agreement of the architectures")
    assert chart.locator("svg .band").count() == len(NAMES) + 1  # one has a gap
    button = chart.get_by_role("button", name="Inception")
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "false")
    assert chart.locator("svg .band").count() == len(NAMES) - 1
    chart.locator(".chart").focus()
    page.keyboard.press("Home")
    assert "Inception" not in (chart.locator(".chart").get_attribute("aria-valuetext") or "")
    for other in chart.get_by_role("group").get_by_role("button").all():
        if other.get_attribute("aria-pressed") == "true":
            other.click()
    assert chart.locator("svg .band").count() == 0
    button.click()
    assert chart.locator("svg .band").count() == 2
    rows = chart.locator("details tbody tr")
    chart.locator("summary").click()
    expect(rows).to_have_count(9)
    assert rows.nth(4).locator("td").nth(2).inner_text() == "–"


def test_bars_have_both_axes(page: Page, experimented: Experimented) -> None:
    visit(page, experimented.report, "experiments/all-kinds")
    chart = figure(page, "Influence of the pairs")
    counts = [int(n) for n in values(experimented, "bins", "n")]
    heights = "bars => bars.map(bar => bar.height.baseVal.value)"
    logarithmic = chart.locator("rect.bar").evaluate_all(heights)
    chart.get_by_label("Logarithmic axis").uncheck()
    plain = chart.locator("rect.bar").evaluate_all(heights)
    present = [n for n in counts if n]
    assert len(logarithmic) == len(plain) == len(present)
    assert plain == pytest.approx([n * plain[0] / present[0] for n in present])
    assert logarithmic != pytest.approx(plain)
    chart.locator(".chart").focus()
    page.keyboard.press("Home")
    expect(chart.locator(".readout")).to_have_text(f"influence 0.15 to 0.20pairs: {counts[0]}")
    assert chart.locator("rect.bar.read").count() == 1


def test_images_lead_to_their_pages(page: Page, experimented: Experimented) -> None:
    visit(page, experimented.report, "experiments/all-kinds")
    region = figure(page, "Examples near 0 and 1")
    assert region.locator("h4").all_inner_texts() == ["near 0", 'near 1, "wrong, or rare"']
    assert region.locator("a.card").count() == 48 + 7
    region.get_by_role("button", name="Show 12 more examples").click()
    links = region.locator("a.card").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert links == [f"#/train/{int(i)}" for i in values(experimented, "examples", "tr_idx")]
    assert "url(" in region.locator(".tile").first.evaluate("tile => getComputedStyle(tile).backgroundImage")
    pairs = figure(page, "Pairs").locator("a.card").evaluate_all("links => links.map(a => a.getAttribute('href'))")
    for i, j in zip(*(map(int, values(experimented, "pairs", name)) for name in ("tr_idx", "tt_idx")), strict=True):
        assert f"#/train/{i}" in pairs
        assert (f"#/pair/{i}-{j}" if j else "#/test/0") in pairs  # the last one is not in the report
    figure(page, "Pairs").locator("a[href^='#/pair/']").first.click()
    expect(page.locator("h1")).to_have_text(re.compile("Training example .* and test example"))


def test_sections_have_permalinks(page: Page, experimented: Experimented) -> None:
    page.get_by_role("link", name="Marginal utility of the memorized examples").click()  # of the overview
    heading = page.get_by_role("heading", name="Marginal utility of the memorized examples")
    expect(heading).to_be_focused()
    assert page.title().startswith("Experiments")
    page.locator("nav").get_by_role("link", name="Everything that can be drawn").click()
    expect(page).to_have_url(re.compile("#/experiments/all-kinds$"))
    expect(page.get_by_role("heading", name="Everything that can be drawn")).to_be_focused()
    expect(page.get_by_role("heading", name="Everything that can be drawn")).to_be_in_viewport()
    page.go_back()
    expect(heading).to_be_focused()
    visit(page, experimented.report, "experiments/none-such")
    expect(page.locator(".definition")).to_have_text("This report has no experiment none-such.")
    expect(page.locator("section.experiment")).to_have_count(2)


def test_every_link_to_a_file_leads_to_one(page: Page, experimented: Experimented) -> None:
    visit(page, experimented.report, "experiments")
    page.get_by_text("1 older result").click()
    expect(page.get_by_text("2026-01-01 03:04 UTC: repeats 3")).to_be_visible()
    links = page.locator("a[download]").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    names = {f"downloads/{name}" for name in ("all-kinds-pairs.csv", "marginal-utility-accuracy.csv")}
    assert names <= set(links)
    assert [link for link in links if not (experimented.report / unquote(link)).is_file()] == []
    with page.expect_download() as download:
        figure(page, "Influence of the pairs").locator("a[download]").click()
    assert download.value.suggested_filename == "all-kinds-bins.csv"


def test_without_images_examples_are_numbers(browser: Page, experimented: Experimented, tmp_path: Path) -> None:
    mempipe("report", experimented.release, "--no-images", "--out", tmp_path / "bare")
    with opened(browser, tmp_path / "bare") as page:
        visit(page, tmp_path / "bare", "experiments")
        first = int(values(experimented, "examples", "tr_idx")[0])
        expect(figure(page, "Examples near 0 and 1").locator(".tile").first).to_have_text(f"#{first}")


def test_a_report_that_is_not_whole_says_so(browser: Page, experimented: Experimented, tmp_path: Path) -> None:
    site = Path(shutil.copytree(experimented.report, tmp_path / "site"))
    (site / "data" / "experiments.js").unlink()
    visit(browser, site, "experiments")
    expect(browser.get_by_role("alert")).to_contain_text("experiments.js")


def test_a_report_without_experiments_has_no_entry(browser: Page, planted: Planted) -> None:
    with opened(browser, planted.report) as page:
        expect(page.locator("#menu a")).to_have_count(8)
        assert "Experiments" not in page.locator("main").inner_text()
