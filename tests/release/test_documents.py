"""The card, the Croissant metadata, the summary and the documentation say what the files say."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from mempipe.release.load import load_release
from mempipe.release.manifest import LemmaBound, Manifest
from mempipe.release.summary import summarize
from mempipe.release.write import write_release
from mempipe.scores.tally import Scope
from mempipe.tables.page import with_schema
from mempipe.tables.schema import MINOR_VERSION, SCHEMA_VERSION, TABLES
from tests.release.world import World

DOCUMENT = Path(__file__).parents[2] / "docs" / "release-format.md"


def summary_text(folder: Path, *, width: int = 100, top: int = 10) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(summarize(load_release(folder), top=top))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


# mlcroissant's own code and its rdflib are behind their libraries.
@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame:DeprecationWarning")
@pytest.mark.parametrize("name", TABLES)
def test_croissant_gives_the_records_of_every_table(local_release: tuple[Path, Manifest], name: str) -> None:
    import mlcroissant as mlc

    dataset = mlc.Dataset(jsonld=str(local_release[0] / "croissant.json"))
    assert not dataset.metadata.ctx.issues.errors
    table = pq.read_table(local_release[0] / f"{name}.parquet")
    records = list(dataset.records(name))
    assert len(records) == table.num_rows > 0
    for record, row in zip(records, table.to_pylist(), strict=True):
        assert set(record) == {f"{name}/{column}" for column in row}
        for column, value in row.items():
            got = record[f"{name}/{column}"]
            if value is None:
                assert got is None or np.isnan(got)
            else:
                assert got == (value.encode() if isinstance(value, str) else value)


def test_croissant_lists_the_files_that_are_there(local_release: tuple[Path, Manifest]) -> None:
    document = json.loads((local_release[0] / "croissant.json").read_bytes())
    listed = {file["@id"]: file["sha256"] for file in document["distribution"]}
    assert listed == {file.path: file.sha256 for file in local_release[1].files if file.kind != "document"}
    assert document["datePublished"] == "2026-01-02"
    assert document["license"] == "CC BY 4.0"


def test_card_tells_what_a_newcomer_asks(local_release: tuple[Path, Manifest]) -> None:
    card = (local_release[0] / "README.md").read_text(encoding="utf-8")
    manifest = local_release[1]
    for words in (
        manifest.id,
        manifest.key,
        manifest.content_digest,
        "mem[i]     = P_k(h_k(x_i)  = y_i  | i in I_k) - P_k(h_k(x_i)  = y_i  | i not in I_k)",
        "independent uniform subsets of fixed size, ratio 0.7 (28 of 41)",
        "method `agresti-caffo`",
        f"mean squared error ≤ {manifest.lemma_2_1.mean_squared_error:.3g}",
        "2 (seen by every trial or by none), and so 23 pairs without influence",
        "| 0 | 0 (zero) | 1.000 ± ",
        f"{manifest.pairs.n_pairs} pairs of {manifest.pairs.n_train} training and",
        "CC BY 4.0",
        "arXiv:2008.03703",
        "mempipe.load_release",
        "DuckDB",
    ):
        assert words in card
    for file in manifest.files:
        if file.kind != "document":
            assert f"| `{file.path}` | {file.bytes:,} |" in card
    for name, columns in TABLES.items():
        for column in columns:
            assert column.name == "filename" or f"| `{name}` | `{column.name}` | {column.dtype} |" in card


def test_card_of_other_releases(world: World, tmp_path: Path) -> None:
    from mempipe.release.manifest import DataSource
    from mempipe.release.subset_design import SubsetDesign

    names = {"train_filenames": [f"a|{i}.png" for i in range(41)], "test_filenames": ["t.png"] * 23}
    content = world.content(
        scope=Scope.FULL,
        key_kind="inputs",
        subsets=SubsetDesign(design="unknown", ratio="0.683"),
        data=DataSource(name="mine"),
        spec=None,
        class_names=("0", "1", "2", "3"),
        **names,
    )
    write_release(content, tmp_path)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    for words in (
        "as given with the predictions (on average 68.3% of the training set)",
        "not applicable: how the subsets were drawn is not known",
        "of every training on every test example",
        "a\\|0.png",
        "`tiny_index.npz`",
        "License of the data: unknown",
        "Hash of the inputs",
    ):
        assert words in card
    assert "Seed" not in card
    assert "a|0.png" in summary_text(tmp_path, width=200)


@pytest.mark.parametrize("width", [60, 80, 160])
def test_summary(local_release: tuple[Path, Manifest], width: int) -> None:
    text = summary_text(local_release[0], width=width)
    assert max(len(line) for line in text.splitlines()) <= width
    words = " ".join(text.split())
    for part in ("40 training runs", "agresti-caffo", "Lemma 2.1", "1.000 ±", "high-influence pairs", "nobody"):
        assert part in words


def test_summary_shows_no_more_than_asked(local_release: tuple[Path, Manifest]) -> None:
    assert summary_text(local_release[0], top=3).count("±") == 3 + 1  # and once in the explanation
    assert summary_text(local_release[0], top=1000).count("±") == 39 + 1  # two have no score


def test_lemma_bound_of_a_manifest_is_text_or_numbers(local_release: tuple[Path, Manifest]) -> None:
    assert local_release[1].lemma_2_1.mean_squared_error is not None
    balanced = local_release[1].model_copy(
        update={
            "lemma_2_1": LemmaBound(mean_squared_error=None, root_mean_squared_error=None, note="not applicable: x")
        }
    )
    assert Manifest.from_json(balanced.to_json(), source="x") == balanced


def rows_of(text: str, *, first: str) -> list[list[str]]:
    """Return the cells of the table whose head starts with `first`."""
    match = re.search(rf"^\| {first} \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert match
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in match[1].splitlines()]


def test_documentation_lists_every_column() -> None:
    """`python -m mempipe.tables docs/release-format.md` wrote it."""
    page = DOCUMENT.read_text(encoding="utf-8")
    assert with_schema(page) == page
    assert f"Schema version {SCHEMA_VERSION}.{MINOR_VERSION}. " in page
    listed = [cells[:2] for cells in rows_of(page, first=r"file \| column")]
    assert listed == [[f"{name}.parquet", column.name] for name, columns in TABLES.items() for column in columns]


def test_documentation_lists_every_file_and_array(world: World, tmp_path: Path) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    names = {"train_filenames": ["a.png"] * 41, "test_filenames": ["t.png"] * 23}
    manifest = write_release(world.content(name="name", **names), tmp_path)
    files = {
        cells[0].replace("{name}", "name").removesuffix("`, …"): cells[1]
        for cells in rows_of(text, first=r"file \| kind")
    }
    assert files == {file.path: file.kind for file in manifest.files} | {"manifest.json": ""}
    documented: dict[str, dict[str, str]] = {}
    for file, array, dtype, *_ in rows_of(text, first=r"file \| array"):
        documented.setdefault(file.replace("{name}", "name"), {})[array] = dtype
    for path in tmp_path.rglob("*.npz"):
        with np.load(path) as archive:
            kinds = {
                re.sub(r"(classidx_|class_?)\d+", r"\1K", key): array.dtype.kind
                if array.dtype.kind in "SU"
                else str(array.dtype)
                for key, array in archive.items()
            }
        assert kinds == documented.pop(path.relative_to(tmp_path).as_posix())
    assert not documented


def test_units_travel_with_the_tables(local_release: tuple[Path, Manifest]) -> None:
    field: pa.Field = pq.read_schema(local_release[0] / "examples.parquet").field("mem")
    assert field.metadata[b"unit"] == b"probability difference"
