"""The report of a folder with only the authors' files, in Chromium: the sliders go as far down as its files tell."""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page

from mempipe.experiments.histogram import count_bins, edges_between
from mempipe.release.authors_folder import AuthorsFolder
from mempipe.release.open_scores import find_authors_files
from mempipe.scores.pairs import pair_statistics
from tests.command import mempipe
from tests.report.conftest import Planted, opened, visit
from tests.report.test_pages import numbers

MATRIX, PAIRS = "*_infl_matrix.npz", "*_high_infl_pairs_*.npz"
AT = ((0.15, 0.25), (0.05, 0.1), (0.06, 0.1), (0.1, 0.25), (0.3, 0.1), (0.07, 0.4), (0.9, 0.99))
"""Influence and memorization at least: at the pairs file's thresholds, below both, below one of them, above."""


@dataclass(frozen=True)
class Authors:
    """A folder of their files, and its report."""

    files: AuthorsFolder
    report: Path


@pytest.fixture(scope="module")
def authors(planted: Planted, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Authors]:
    def make(*names: str) -> Authors:
        folder = tmp_path_factory.mktemp("authors")
        (folder / "files").mkdir()
        for pattern in names:
            shutil.copy(*planted.release.glob(pattern), folder / "files")
        mempipe("report", folder / "files", "--data", planted.data, "--out", folder / "site")
        files = find_authors_files(str(folder / "files"))
        assert files is not None
        return Authors(files, folder / "site")

    return make


def test_a_report_without_pairs_does_not_say_that_there_are_none(
    browser: Page, authors: Callable[..., Authors]
) -> None:
    page_of = authors(MATRIX)
    folder = page_of.files.folder.with_name("index")
    folder.mkdir()
    index = {
        "tr_labels": page_of.files.labels,
        "tt_labels": page_of.files.test_labels,
        "tr_mem": page_of.files.mem,
    }
    names = {f"{part}_filenames": np.full(index[f"{part}_labels"].size, b"x.png") for part in ("tr", "tt")}
    np.savez(folder / "planted_index.npz", **index, **names)
    done = mempipe("report", folder, "--no-images", "--out", folder.with_name("bare"))
    assert "0 pairs: they are unknown" in done.stderr
    with opened(browser, folder.with_name("bare")) as page:
        assert "Pairs" not in page.locator("#menu").inner_text()
        for view in ("", "suspects", "suspects?helpless=1", "train/3", "test/5", "pair/3-5"):
            visit(page, folder.with_name("bare"), view)
            assert not re.search(r"\b0 (high-influence )?(pairs|tests)|in no", page.locator("main").inner_text())


@pytest.mark.parametrize("names", [(MATRIX, PAIRS), (MATRIX,)])
def test_sliders_and_figure_3_count_what_python_selects(
    browser: Page, authors: Callable[..., Authors], names: tuple[str, ...]
) -> None:
    """`opened` refuses a word on the console."""
    page_of = authors(*names)
    with opened(browser, page_of.report) as page:
        visit(page, page_of.report, "pairs")
        infl, mem = (page.get_by_label(re.compile(f"^{name} at least$")) for name in ("Influence", "Memorization"))
        assert [slider.get_attribute("min") for slider in (infl, mem)] == ["0.05", "0.1"]
        counts = []
        for least_infl, least_mem in AT:
            infl.fill(str(least_infl))
            mem.fill(str(least_mem))
            table = page_of.files.select_pairs(mem=least_mem, infl=least_infl)
            expected = pair_statistics(table["tr_idx"].to_numpy(), table["tt_idx"].to_numpy(), page_of.files.n_test)
            share = round(100 * expected.test_share, 2)
            assert numbers(page) == [expected.n_pairs, expected.n_train, expected.n_test, share, expected.n_test_single]
            counts.append(expected.n_pairs)
        assert counts[1] == max(counts) > counts[0] > 0
        visit(page, page_of.report, "influence")
        page.get_by_text("The same numbers as a table").click()
        bins = [int(cell) for cell in page.locator("details tbody td").all_inner_texts()]
        selected = page_of.files.select_pairs()["infl"].to_numpy()
        assert bins == count_bins(selected, edges_between(0.15, 1, 0.05)).tolist()
        assert sum(bins) == selected.size > 0
