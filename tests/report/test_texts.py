"""Sheets of texts: each slot leads to its example's text, cut where it is long."""

import json
from pathlib import Path

import numpy as np
import pytest

from mempipe.report.sheets import TILES
from mempipe.report.texts import shortened, text_limit, write_texts


def sheet(path: Path) -> list[str]:
    texts: list[str] = json.loads(path.read_text(encoding="utf-8").partition(".sheet=")[2].rstrip(";\n"))
    return texts


def test_each_slot_leads_to_its_text(tmp_path: Path) -> None:
    n = 2 * TILES + 30
    labels = np.arange(n) % 2
    texts = tuple(f"text {i} \u2028</script>" for i in range(n))
    sheets = write_texts(tmp_path, "train", texts, labels, np.linspace(0, 1, n), limit=500)
    assert sheets.tiles == [TILES, 15, TILES, 15]
    read = [sheet(tmp_path / name) for name in sheets.files]
    assert tuple(read[slot // TILES][slot % TILES] for slot in sheets.slot) == texts
    assert read[0][0] == texts[-2]  # of class 0 the one of the highest priority


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("abcd", 4, "abcd"),
        ("abcde", 4, "abc…"),
        ("ab de", 4, "ab…"),
        ("\ud800", 4, "?"),
    ],
)
def test_long_texts_are_cut(text: str, limit: int, expected: str) -> None:
    assert shortened(text, limit) == expected


def test_large_sets_have_shorter_texts() -> None:
    assert text_limit(1_000) == 500
    assert 70_000 * text_limit(70_000) <= 16_000_000
    assert text_limit(2_000_000) == 60
