"""The place of results, and errors for damaged ones."""

import shutil
import uuid
from pathlib import Path

import pytest

from mempipe.catalog.results import open_results, open_store_of, read_results, result_key
from mempipe.errors import InputError
from mempipe.release.load import load_release
from mempipe.storage.memory import MemoryStore
from tests.experiments.releases import known_release
from tests.experiments.test_result import result


def test_results_lie_beside_the_releases(tmp_path: Path) -> None:
    release = known_release(tmp_path, [1], [[1]])
    root = open_store_of(release)
    assert root.uri == str(tmp_path)
    assert open_results(root, release).uri == f"{tmp_path}/experiments/known/{release.manifest.id}"


@pytest.mark.parametrize("place", ["copy", "releases/known", "releases/a/b/c"])
def test_a_release_on_its_own_has_no_store(tmp_path: Path, place: str) -> None:
    release = known_release(tmp_path / "store", [1], [[1]])
    copied = load_release(shutil.copytree(release.uri, tmp_path / place))
    with pytest.raises(InputError, match="Store is not known: release is") as caught:
        open_store_of(copied)
    assert "--store" in caught.value.hint


def test_results_are_read_in_order_and_nothing_else() -> None:
    place = MemoryStore(uuid.uuid4().hex)
    written = [result(experiment=name) for name in ("pairs", "examples")]
    for item in written:
        place.create(result_key(item), item.to_json())
    place.create("plans/pairs-0.json", b"{}")
    place.create("notes.txt", b"x")
    entries = list(read_results(place))
    assert [key for key, _ in entries] == sorted(result_key(item) for item in written)
    assert [item.experiment for _, item in entries] == ["examples", "pairs"]
    assert result_key(written[0]) == f"pairs-{written[0].digest[:12]}.json"
    assert result_key(written[0]) == result_key(written[0].model_copy(update={"software": {}}))


def test_a_damaged_result_is_named() -> None:
    place = MemoryStore(uuid.uuid4().hex)
    place.create("pairs-0.json", result().to_json()[:100])
    with pytest.raises(InputError, match=rf"{place.uri}/pairs-0\.json is damaged \(content: Invalid JSON"):
        list(read_results(place))


def test_no_results() -> None:
    assert list(read_results(MemoryStore(uuid.uuid4().hex))) == []
