"""Publishing: killed anywhere and repeated, raced, repeated by other software, and which release is the latest."""

import json
import uuid
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mempipe.errors import GenerationError, ReleaseError
from mempipe.places import LATEST, MANIFEST
from mempipe.release import publish
from mempipe.release.load import load_release
from mempipe.release.manifest import Latest, Manifest, Thresholds
from mempipe.release.publish import Outcome, publish_release
from mempipe.release.write import write_release
from mempipe.storage.memory import MemoryStore
from mempipe.tables import parquet
from tests.release.stores import FaultyStore, Killed, objects
from tests.release.world import CREATED, World

N_CREATIONS = 12  # 11 files and the manifest


@pytest.fixture
def name() -> str:
    return uuid.uuid4().hex


def test_publication(local_release: tuple[Path, Manifest], name: str) -> None:
    folder, manifest = local_release
    store = FaultyStore(name)
    publication = publish_release(store, "releases/tiny", folder, manifest)
    assert (publication.outcome, publication.is_latest, publication.manifest) == (Outcome.PUBLISHED, True, manifest)
    assert publication.uri == f"memory://{name}/releases/tiny/{manifest.id}"
    assert store.creations[-1] == MANIFEST
    assert len(store.creations) == N_CREATIONS
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert objects(store.child(f"releases/tiny/{manifest.id}")) == files
    latest = Latest.from_json(store.read(f"releases/tiny/{LATEST}"), source="x")
    assert latest == Latest.of(manifest)
    load_release(f"memory://{name}/releases/tiny").verify()


@pytest.mark.parametrize("fail_at", range(N_CREATIONS))
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_file_and_repeated(
    local_release: tuple[Path, Manifest], name: str, fail_at: int, after: bool
) -> None:
    folder, manifest = local_release
    with pytest.raises(Killed):
        publish_release(FaultyStore(name, fail_at=fail_at, after=after), "tiny", folder, manifest)
    store = MemoryStore(name)
    finished = fail_at == N_CREATIONS - 1 and after
    assert store.exists(f"tiny/{manifest.id}/{MANIFEST}") == finished
    assert not store.exists(f"tiny/{LATEST}")
    if not finished:
        with pytest.raises(ReleaseError, match="does not exist"):
            load_release(f"memory://{name}/tiny/{manifest.id}")
    # The repetition writes everything anew, some time later.
    later = manifest.model_copy(update={"created": CREATED + timedelta(hours=1)})
    publication = publish_release(store, "tiny", folder, later)
    assert publication.is_latest
    assert publication.manifest == (manifest if finished else later)
    content = objects(store.child(f"tiny/{manifest.id}"))
    assert content.pop(MANIFEST) == publication.manifest.to_json()
    assert content == {file.path: (folder / file.path).read_bytes() for file in manifest.files}
    load_release(f"memory://{name}/tiny").verify()


def test_existing_release_is_left_alone(local_release: tuple[Path, Manifest], name: str) -> None:
    folder, manifest = local_release
    first = FaultyStore(name)
    publish_release(first, "tiny", folder, manifest)
    before = objects(first)
    again = FaultyStore(name)
    later = manifest.model_copy(update={"created": CREATED + timedelta(days=1)})
    publication = publish_release(again, "tiny", folder, later)
    assert (publication.outcome, publication.is_latest, publication.manifest) == (Outcome.UNCHANGED, True, manifest)
    assert again.creations == []
    assert objects(again) == before


def test_other_software_completes_what_an_unfinished_attempt_began(
    world: World, local_release: tuple[Path, Manifest], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, manifest = local_release
    with pytest.raises(Killed):
        publish_release(FaultyStore(name, fail_at=9), "tiny", folder, manifest)
    begun = objects(MemoryStore(name))
    monkeypatch.setattr(parquet, "_COMPRESSION", "gzip")
    other = write_release(world.content(), tmp_path)
    assert other.id == manifest.id
    assert {file.path for file in other.files if file not in manifest.files} >= {"examples.parquet", "croissant.json"}
    publication = publish_release(MemoryStore(name), "tiny", tmp_path, other)
    after = objects(MemoryStore(name))
    assert all(after[key] == content for key, content in begun.items())
    entries = {file.path: file for file in publication.manifest.files}
    assert entries["examples.parquet"].sha256 == {file.path: file for file in manifest.files}["examples.parquet"].sha256
    release = load_release(f"memory://{name}/tiny")
    release.verify()
    croissant = json.loads(after[f"tiny/{manifest.id}/croissant.json"])
    for file in croissant["distribution"]:
        assert file["sha256"] == entries[file["@id"]].sha256


def test_timings_of_the_first_attempt_stay(
    world: World, local_release: tuple[Path, Manifest], name: str, tmp_path: Path
) -> None:
    folder, manifest = local_release
    with pytest.raises(Killed):
        publish_release(FaultyStore(name, fail_at=N_CREATIONS - 1), "tiny", folder, manifest)
    faster = world.quality().drop_columns(["seconds"])
    publication = publish_release(
        MemoryStore(name), "tiny", tmp_path, write_release(world.content(trials=faster), tmp_path)
    )
    release = load_release(publication.uri)
    release.verify()
    assert release.trials.equals(pq.read_table(folder / "trials.parquet"))


@pytest.mark.parametrize("path", ["examples.parquet", "tiny_infl_matrix.npz", "tallies/blocks-00000.npz"])
@pytest.mark.parametrize("foreign", ["garbage", "other counts"])
def test_foreign_file_is_refused(
    world: World, local_release: tuple[Path, Manifest], name: str, tmp_path: Path, path: str, foreign: str
) -> None:
    folder, manifest = local_release
    if foreign == "garbage":
        content = b"garbage"
    else:
        write_release(world.part(0, 30).content(), tmp_path)
        content = (tmp_path / path).read_bytes()
    store = MemoryStore(name)
    store.create(f"tiny/{manifest.id}/{path}", content)
    with pytest.raises(ReleaseError, match=f"{path} has other content"):
        publish_release(store, "tiny", folder, manifest)
    assert store.read(f"tiny/{manifest.id}/{path}") == content
    assert not store.exists(f"tiny/{manifest.id}/{MANIFEST}")
    assert not store.exists(f"tiny/{LATEST}")


def test_two_publishers_at_once_make_one_release(
    local_release: tuple[Path, Manifest], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, manifest = local_release
    later = manifest.model_copy(update={"created": CREATED + timedelta(seconds=1)})
    original = publish._commit_files

    def interrupted(target: MemoryStore, staging: Path, mine: Manifest) -> Manifest:
        committed = original(target, staging, mine)
        monkeypatch.setattr(publish, "_commit_files", original)
        assert publish_release(MemoryStore(name), "tiny", folder, manifest).outcome is Outcome.PUBLISHED
        return committed

    monkeypatch.setattr(publish, "_commit_files", interrupted)
    publication = publish_release(MemoryStore(name), "tiny", folder, later)
    assert (publication.outcome, publication.manifest, publication.is_latest) == (Outcome.UNCHANGED, manifest, True)


def manifests(manifest: Manifest, **changes: object) -> Manifest:
    """Return a manifest as of another release; its id need not be true here."""
    return manifest.model_copy(update=changes)


@pytest.mark.parametrize(
    ("ours", "moves"),
    [
        ({"n_trials": 80, "created": CREATED - timedelta(days=1)}, True),
        ({"n_trials": 20, "created": CREATED + timedelta(days=1)}, False),
        ({"content_digest": "0" * 64, "created": CREATED + timedelta(days=1)}, True),
        ({"content_digest": "0" * 64, "created": CREATED - timedelta(days=1)}, False),
        ({"key": "cd" * 32, "n_trials": 2, "created": CREATED + timedelta(days=1)}, True),
        ({"key": "cd" * 32, "n_trials": 99, "created": CREATED - timedelta(days=1)}, False),
    ],
)
def test_which_release_is_the_latest(
    local_release: tuple[Path, Manifest], name: str, ours: dict[str, object], moves: bool
) -> None:
    folder, manifest = local_release
    store = MemoryStore(name)
    publish_release(store, "tiny", folder, manifest)
    publication = publish_release(store, "tiny", folder, manifests(manifest, id="other", **ours))
    assert (publication.outcome, publication.is_latest) == (Outcome.PUBLISHED, moves)
    latest = Latest.from_json(store.read(f"tiny/{LATEST}"), source="x")
    assert latest.release == ("other" if moves else manifest.id)


def test_smaller_extension_that_finishes_late_does_not_go_back(world: World, name: str, tmp_path: Path) -> None:
    store = MemoryStore(name)
    small = write_release(world.part(0, 20).content(created=CREATED + timedelta(days=1)), tmp_path / "small")
    large = write_release(world.content(), tmp_path / "large")
    assert publish_release(store, "tiny", tmp_path / "large", large).is_latest
    publication = publish_release(store, "tiny", tmp_path / "small", small)
    assert (publication.outcome, publication.is_latest) == (Outcome.PUBLISHED, False)
    assert load_release(f"memory://{name}/tiny").manifest.n_trials == 40
    assert load_release(publication.uri).manifest.n_trials == 20


def test_racing_publisher_of_more_trials_wins(local_release: tuple[Path, Manifest], name: str) -> None:
    folder, manifest = local_release
    racing = FaultyStore(name, "tiny")
    larger = manifests(manifest, id="larger", n_trials=80)
    racing.before_replace = lambda: publish_release(MemoryStore(name), "tiny", folder, larger) and None
    publication = publish_release(racing, "", folder, manifest)
    assert (publication.outcome, publication.is_latest) == (Outcome.PUBLISHED, False)
    assert load_release(f"memory://{name}/tiny").manifest.id == "larger"


def test_racing_publisher_of_fewer_trials_loses(local_release: tuple[Path, Manifest], name: str) -> None:
    folder, manifest = local_release
    racing = FaultyStore(name, "tiny")
    smaller = manifests(manifest, id="smaller", n_trials=8)
    racing.before_replace = lambda: publish_release(MemoryStore(name), "tiny", folder, smaller) and None
    assert publish_release(racing, "", folder, manifest).is_latest
    assert load_release(f"memory://{name}/tiny").manifest.id == manifest.id


def test_latest_that_changes_all_the_time_is_a_passing_fault(
    local_release: tuple[Path, Manifest], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def always(self: MemoryStore, key: str, content: bytes, *, generation: str | None) -> str:
        raise GenerationError("Object changed.", hint="again.")

    monkeypatch.setattr(MemoryStore, "replace", always)
    with pytest.raises(GenerationError, match="Latest release cannot be named"):
        publish_release(MemoryStore(name), "tiny", *local_release)
    load_release(f"memory://{name}/tiny/{local_release[1].id}").verify()


def test_other_thresholds_are_another_release(world: World, name: str, tmp_path: Path) -> None:
    store = MemoryStore(name)
    ids = set()
    for number, limits in enumerate((Thresholds(), Thresholds(infl=0.5))):
        folder = tmp_path / str(number)
        ids.add(
            publish_release(store, "tiny", folder, write_release(world.content(thresholds=limits), folder)).manifest.id
        )
    assert len(ids) == 2
