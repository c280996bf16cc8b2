"""A bad shard is moved aside whatever stops it half way; nothing is lost, and the same bad bytes twice are an error."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mempipe.errors import CorruptShardError, ObjectNotFoundError, StoreUnavailableError, TrialError
from mempipe.runs import Run, ShardRef, Span
from mempipe.shards import encode
from mempipe.storage import ObjectInfo
from mempipe.validation.invariants import check_shard
from mempipe.validation.quarantine import quarantine, quarantined, settle

SPAN = Span(10, 20)
BAD = b"PK\x03\x04 and then damage"
DIGEST = hashlib.sha256(BAD).hexdigest()
STEM = f"quarantine/trials=000010-000019-{DIGEST[:16]}"
OPERATIONS = ("read", "read_versioned", "create", "replace", "delete", "list")


@pytest.fixture(params=["memory", "local"])
def world(request: pytest.FixtureRequest, make_world: Callable[..., Any], tmp_path: Path) -> Any:
    """Memory numbers its commits; the generation of a local file is a hash of its content."""
    return make_world(uri=str(tmp_path / "run") if request.param == "local" else "")


class Faulty:
    """A store that fails at its `at`-th call, before or after the call has taken effect."""

    def __init__(self, store: Any, *, at: int, after: bool) -> None:
        self.uri = store.uri
        self._store = store
        self._remaining = at
        self._after = after

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name not in OPERATIONS:
            return method

        def call(*args: Any, **options: Any) -> Any:
            self._remaining -= 1
            if self._remaining == 0 and not self._after:
                raise StoreUnavailableError("Store did not answer.", hint="again.")
            result = method(*args, **options)
            if self._remaining == 0:
                raise StoreUnavailableError("Acknowledgement was lost.", hint="again.")
            return result

        return call

    @property
    def reached(self) -> bool:
        return self._remaining <= 0


def move(run: Run, ref: ShardRef) -> Any:
    """What a validation does with the shard that it finds."""
    content, generation = run.store.read_versioned(ref.key)
    ref = ShardRef(ref.span, ObjectInfo(ref.key, len(content), generation))
    with pytest.raises(CorruptShardError) as error:
        check_shard(content, ref, run)
    return quarantine(run, ref, content, error.value)


def validate_again(run: Run) -> None:
    """A repeated validation, as far as the quarantine goes."""
    settle(run, run.shards())
    for ref in run.shards():
        move(run, ref)


def faults() -> Iterator[tuple[int, bool]]:
    for at in range(1, 12):
        for after in (False, True):
            yield at, after


def test_a_bad_shard_is_moved_aside(world: Any) -> None:
    record = move(world.run, world.put(SPAN, BAD))
    assert world.objects("shards/") == {}
    assert world.run.store.read(record.bytes_key) == BAD
    assert (record.trials, record.sha256, record.size, record.state) == (SPAN, DIGEST, len(BAD), "removed")
    assert (record.key, record.error) == ("shards/trials=000010-000019.npz", "CorruptShardError")
    assert "is damaged or no npz" in record.reason
    assert json.loads(world.run.store.read(f"{STEM}.json"))["reason"] == record.reason
    assert quarantined(world.run) == [record]
    assert quarantined(world.run, Span(19, 30)) == [record]
    assert quarantined(world.run, Span(20, 30)) == []


@pytest.mark.parametrize(("at", "after"), list(faults()))
def test_a_stop_at_any_call_loses_nothing(world: Any, at: int, after: bool) -> None:
    ref = world.put(SPAN, BAD)
    faulty = Faulty(world.run.store, at=at, after=after)
    try:
        move(Run(faulty, world.run.record), ref)  # type: ignore[arg-type]
    except StoreUnavailableError:
        assert faulty.reached
    assert BAD in world.objects().values()
    validate_again(world.run)
    assert set(world.objects("quarantine/")) == {f"{STEM}.json", f"{STEM}.npz"}
    assert world.objects("shards/") == {}
    assert [record.state for record in quarantined(world.run)] == ["removed"]


def test_a_stop_at_any_call_of_every_try(world: Any) -> None:
    """Each try gets one call further, and no stop is taken for the same bytes coming twice."""
    ref = world.put(SPAN, BAD)
    for at in range(1, 12):
        faulty = Faulty(world.run.store, at=at, after=bool(at % 2))
        run = Run(faulty, world.run.record)  # type: ignore[arg-type]
        try:
            validate_again(run)
        except StoreUnavailableError:
            assert BAD in world.objects().values()
            continue
        break
    validate_again(world.run)
    assert world.objects("shards/") == {}
    with pytest.raises(ObjectNotFoundError):
        world.run.store.read(ref.key)


@pytest.mark.parametrize(("at", "after"), list(faults()))
def test_the_same_bad_bytes_twice(world: Any, at: int, after: bool) -> None:
    """They are told from a repeated call, wherever the first call stopped, once a validation has looked."""
    faulty = Faulty(world.run.store, at=at, after=after)
    try:
        move(Run(faulty, world.run.record), world.put(SPAN, BAD))  # type: ignore[arg-type]
    except StoreUnavailableError:
        validate_again(world.run)
    again = world.put(SPAN, BAD)
    for _ in range(2):  # for good
        with pytest.raises(TrialError, match=r"Trials 10 to 19 fail again with the same bytes: .*000010-000019\.npz"):
            move(world.run, again)
        assert world.run.store.read(again.key) == BAD


def test_the_same_bad_bytes_before_any_validation_looked(make_world: Callable[..., Any]) -> None:
    """The call stopped after the deletion; where commits are numbered, their number tells that these are new."""
    world = make_world()
    stopped = Faulty(world.run.store, at=5, after=True)
    with pytest.raises(StoreUnavailableError):
        move(Run(stopped, world.run.record), world.put(SPAN, BAD))  # type: ignore[arg-type]
    assert world.objects("shards/") == {}
    assert [record.state for record in quarantined(world.run)] == ["copied"]
    with pytest.raises(TrialError):
        move(world.run, world.put(SPAN, BAD))


def test_other_bad_bytes_are_moved_aside_too(world: Any) -> None:
    move(world.run, world.put(SPAN, BAD))
    move(world.run, world.put(SPAN, b"PK other damage"))
    assert {record.size for record in quarantined(world.run)} == {len(BAD), len(b"PK other damage")}
    assert world.objects("shards/") == {}


def test_the_hint_of_the_error_helps(world: Any) -> None:
    move(world.run, world.put(SPAN, BAD))
    ref = world.put(SPAN, BAD)
    with pytest.raises(TrialError) as error:
        move(world.run, ref)
    for key in (f"{STEM}.json", ref.key):
        assert key in error.value.hint
        world.run.store.delete(key, generation=world.run.store.read_versioned(key)[1])
    move(world.run, world.put(SPAN, BAD))
    assert world.objects("shards/") == {}


def test_a_repaired_shard_is_left(world: Any) -> None:
    stale = world.put(SPAN, BAD)
    good = encode(world.shard(SPAN))
    world.run.store.replace(stale.key, good, generation=stale.generation)
    record = quarantine(world.run, stale, BAD, CorruptShardError("Shard is corrupt.", hint="."))
    assert world.run.store.read(stale.key) == good
    assert world.run.store.read(record.bytes_key) == BAD


def test_a_second_validation_at_the_same_time(world: Any) -> None:
    """It read the bad shard before the first one moved it aside: no error, and the new shard stays."""
    stale = world.put(SPAN, BAD)
    move(world.run, stale)
    error = CorruptShardError("Shard is corrupt.", hint=".")
    assert quarantine(world.run, stale, BAD, error) == quarantined(world.run)[0]
    good = world.commit(SPAN)
    assert quarantine(world.run, stale, BAD, error) == quarantined(world.run)[0]
    assert world.ref(SPAN) == good


def test_a_damaged_tombstone_does_not_stop(world: Any) -> None:
    world.run.store.create(f"{STEM}.json", b"{")
    record = move(world.run, world.put(SPAN, BAD))
    assert quarantined(world.run) == [record]
    assert world.objects("shards/") == {}


def test_shards_are_not_read_where_no_bad_one_may_still_be_in_its_place(world: Any) -> None:
    """A local store reads a whole shard to tell its generation."""
    move(world.run, world.put(SPAN, BAD))
    listed = ObjectInfo(world.commit(SPAN).key, 1, lambda: pytest.fail("the shard was read"))
    settle(world.run, [ShardRef(SPAN, listed)])
    (record,) = quarantined(world.run)
    path = f"{STEM}.json"
    world.run.store.replace(
        path,
        record.model_copy(update={"state": "copied"}).to_json(),
        generation=world.run.store.read_versioned(path)[1],
    )
    settle(world.run, world.run.shards())
    assert quarantined(world.run)[0].state == "removed"
