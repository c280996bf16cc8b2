"""Names of a store are spelled in one place, and URIs are taken apart there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mempipe import places
from mempipe.errors import InputError
from mempipe.spans import Span

ROOT = Path(__file__).parents[1]
FOLDERS = (
    "runs|releases|experiments|requests|reports|shards|sidecars|quarantine|differences|validation|tallies|features"
    "|checkpoints|plans"
)
SPELLED = re.compile(
    rf"(^|/)({FOLDERS})/|/({FOLDERS})(/|$)|(^|/)(run\.json|labels\.npz|plan\.json|manifest\.json|latest\.json)"
)
OTHERS = {
    "mempipe/data/prepared.py": "the manifest of a decoded data set on this machine",
    "mempipe/orchestration/assets.py": "the URI of an Airflow asset",
    "mempipe/release/tally_files.py": "names of digests",
}


def texts(path: Path) -> Iterator[ast.Constant]:
    """Yield the texts of a module that are no docstrings."""
    tree = ast.parse(path.read_text())
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node


def test_no_other_module_spells_a_name() -> None:
    spelled, exceptions = [], set()
    for path in [*(ROOT / "mempipe").rglob("*.py"), *(ROOT / "dags").rglob("*.py")]:
        name = path.relative_to(ROOT).as_posix()
        for text in texts(path):
            # Sentences may tell a person of a file; they have blanks.
            if name != "mempipe/places.py" and " " not in text.value and SPELLED.search(text.value):
                exceptions.add(name)
                if name not in OTHERS:
                    spelled.append(f"{name}:{text.lineno}: {text.value}")
    assert spelled == []
    assert exceptions == set(OTHERS), "the list of exceptions names a module that is none"


@pytest.mark.parametrize("store", ["gs://bucket", "gs://bucket/releases", "/data/store", "memory://x", "/runs"])
def test_a_uri_names_its_store(store: str) -> None:
    run, release = f"{store}/{places.run_place('a-1')}", f"{store}/{places.release_place('a', 'a-1-t2')}"
    assert places.parse_run_uri(run) == (store, "a-1")
    assert places.parse_run_uri(f"{run}/") == (store, "a-1")
    assert places.parse_release_uri(release) == (store, "a", "a-1-t2")
    assert places.store_of_releases(f"{release}/") == store
    assert places.store_of_releases(f"{store}/{places.releases_place('a')}") == store
    result = f"{store}/{places.results_place('a', 'a-1-t2')}/{places.result_key('pairs', '0' * 64)}"
    assert places.parse_result_uri(result) == (store, "a", "a-1-t2")


def test_a_store_may_be_the_root() -> None:
    assert places.parse_run_uri("/runs/a-1") == ("/", "a-1")


@pytest.mark.parametrize("uri", ["/copied/a-1", "gs://b/runs", "gs://b/runs/a/b"])
def test_a_run_outside_a_store(uri: str) -> None:
    with pytest.raises(InputError, match=r"Store is not known: run is \S+, expected …/runs/ID"):
        places.parse_run_uri(uri)


@pytest.mark.parametrize("uri", ["/copied/a-1", "gs://b/releases", "gs://b/releases/a/b/c"])
def test_a_release_outside_a_store(uri: str) -> None:
    for parse in (places.parse_release_uri, places.store_of_releases):
        with pytest.raises(
            InputError, match=r"Store is not known: release is \S+, expected …/releases/NAME/ID"
        ) as error:
            parse(uri)
        assert "--store" in error.value.hint


@pytest.mark.parametrize("uri", ["gs://b/experiments/a/a-1", "gs://b/experiments/a/a-1/plans/x.json", "x.json"])
def test_no_result_of_a_store(uri: str) -> None:
    with pytest.raises(InputError, match="Store is not known: result is"):
        places.parse_result_uri(uri)


def test_checkpoints_are_parsed_as_they_are_named() -> None:
    key = places.checkpoint_key(7, 1200)
    assert key.startswith(places.checkpoints_prefix(7))
    assert places.parse_checkpoint_key(key) == (7, 1200)
    assert places.parse_checkpoint_key("checkpoints/trial=7/notes.txt") is None


def test_names_of_todays_stores() -> None:
    """Stores that exist are read by these names."""
    span, digest = Span(0, 50), "0123456789abcdef" * 4
    tallies = places.tallies_place(span, digest)
    assert [
        places.request_key("id"),
        places.shard_key(span),
        places.sidecar_key(span, digest),
        *places.quarantine_keys(span, digest),
        places.difference_key(span, digest),
        places.features_place(3),
        places.checkpoint_key(3, 40),
        places.validation_report_key("v"),
        places.quality_key("v", digest),
        places.docs_place("v"),
        tallies,
        places.published_key(tallies, "digits"),
        places.release_docs_place(tallies, "digits"),
        places.experiment_plan_key("pairs", digest),
    ] == [
        "requests/id.json",
        "shards/trials=000000-000049.npz",
        "sidecars/trials=000000-000049-0123456789abcdef.json",
        "quarantine/trials=000000-000049-0123456789abcdef.npz",
        "quarantine/trials=000000-000049-0123456789abcdef.json",
        "differences/trials=000000-000049-0123456789abcdef.npz",
        "features/trial=000003",
        "checkpoints/trial=000003/step=000000040.npz",
        "validation/v/report.json",
        "validation/v/quality-0123456789abcdef.parquet",
        "validation/v/data_docs",
        "tallies/trials=000000-000049-0123456789ab",
        "tallies/trials=000000-000049-0123456789ab/published-digits.json",
        "validation/digits-trials=000000-000049-0123456789ab/data_docs",
        "plans/pairs-0123456789ab.json",
    ]
