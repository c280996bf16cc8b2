"""A whole run: bad shards go, missing trials are named, good runs get a report once, and nothing is decided twice."""

import io
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from mempipe.errors import ExpectationError, LaterVersionError, RunError, StoreUnavailableError, TrialError
from mempipe.npz import encode_checked
from mempipe.runs import Run, Span, shard_key
from mempipe.shards import encode
from mempipe.validation import validate as validate_module
from mempipe.validation.report import ValidationReport
from mempipe.validation.validate import n_to_check, validate_run

BAD = b"PK\x03\x04 and then damage"


def quality(world: Any, report: ValidationReport) -> Any:
    assert report.quality_key is not None
    return pq.read_table(io.BytesIO(world.run.store.read(report.quality_key)))


def test_a_good_run(world: Any) -> None:
    world.fill(30)
    steps: list[float] = []
    assert n_to_check(world.run, Span(0, 30)) == 3
    report = validate_run(world.run, Span(0, 30), progress=steps.append)
    assert sum(steps) == 3
    assert report.missing == ()
    assert report.quarantined == ()
    assert report.suites is not None
    assert report.suites.success
    assert [shard.counted for shard in report.shards] == [Span(0, 10), Span(10, 20), Span(20, 30)]
    assert report.uri == f"{world.run.uri}/validation/{report.id}/report.json"
    assert ValidationReport.model_validate_json(world.run.store.read(f"validation/{report.id}/report.json")) == report
    assert quality(world, report)["trial"].to_pylist() == list(range(30))
    docs = world.objects(f"validation/{report.id}/data_docs/")
    assert {key.rsplit("/", 1)[1] for key in docs} == {
        "index.html",
        "shard_quality.html",
        "shard_quality-expectations.html",
    }
    assert report.docs_key in docs


def test_part_of_a_run(world: Any) -> None:
    world.fill(30)
    report = validate_run(world.run, Span(5, 12))
    assert quality(world, report)["trial"].to_pylist() == list(range(5, 12))
    assert [(shard.trials, shard.counted) for shard in report.shards] == [
        (Span(0, 10), Span(5, 10)),
        (Span(10, 20), Span(10, 12)),
    ]


def test_missing_trials_are_named_and_nothing_is_decided(world: Any) -> None:
    world.commit(Span(0, 10))
    report = validate_run(world.run, Span(0, 30))
    assert report.missing == (Span(10, 20), Span(20, 30))
    assert (report.id, report.suites, report.uri) == (None, None, world.run.uri)
    assert world.objects("validation/") == {}


def test_bad_shards_are_moved_aside_trained_again_and_reported(world: Any, make_world: Callable[..., Any]) -> None:
    world.commit(Span(0, 10))
    world.put(Span(10, 20), BAD)
    foreign = replace(make_world().shard(Span(20, 30)), run_key="9" * 64)
    world.put(Span(20, 30), encode(foreign))
    report = validate_run(world.run, Span(0, 30))
    assert report.missing == (Span(10, 20), Span(20, 30))
    assert [record.error for record in report.quarantined] == ["CorruptShardError", "ForeignShardError"]
    assert [shard.trials for shard in report.shards] == [Span(0, 10)]
    for span in report.missing:
        world.commit(span)
    report = validate_run(world.run, Span(0, 30))
    assert report.missing == ()
    assert [record.state for record in report.quarantined] == ["removed", "removed"]
    page = world.run.store.read(report.docs_key).decode()
    assert "run_key is 999999999999…, expected aaaaaaaaaaaa…" in page


def test_a_shard_of_a_later_version_stops_and_stays(world: Any) -> None:
    """It is good: only this version cannot read it, so its trials must not be trained again."""
    world.fill(20)
    with np.load(io.BytesIO(encode(world.shard(Span(20, 30)))), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files if name != "checksum"}
    later = encode_checked(arrays | {"format_version": np.int64(3)})
    world.put(Span(20, 30), later)
    with pytest.raises(LaterVersionError, match=r"trials=000020-000029\.npz format_version is 3"):
        validate_run(world.run, Span(0, 30))
    assert world.run.store.read(shard_key(Span(20, 30))) == later
    assert not world.objects("quarantine/")


def test_the_same_bad_bytes_twice_stop_after_the_others_were_checked(world: Any) -> None:
    damage = {Span(0, 10): BAD, Span(10, 20): BAD + b"!"}
    for span, content in damage.items():
        world.put(span, content)
    assert validate_run(world.run, Span(0, 30)).missing == (Span(0, 10), Span(10, 20), Span(20, 30))
    for span, content in damage.items():
        world.put(span, content)
    world.put(Span(20, 30), b"PK other damage")
    with pytest.raises(TrialError) as error:
        validate_run(world.run, Span(0, 30))
    assert "Trials 0 to 9 fail again with the same bytes" in error.value.message
    assert "Trials 10 to 19 fail again with the same bytes" in error.value.message
    assert shard_key(Span(20, 30)) not in world.objects()


def test_a_stop_before_the_last_mark_is_made_good(make_world: Callable[..., Any], tmp_path: Path) -> None:
    """The shard was deleted, the tombstone not yet marked: the next validation marks it, and bad bytes are known."""
    world = make_world(uri=str(tmp_path / "run"))
    world.put(Span(0, 10), BAD)

    class Stopping:
        uri = world.run.uri

        def __getattr__(self, name: str) -> Any:
            return getattr(world.run.store, name)

        def replace(self, key: str, content: bytes, *, generation: str | None) -> str:
            raise StoreUnavailableError("Store did not answer.", hint="again.")

    with pytest.raises(StoreUnavailableError):
        validate_run(Run(Stopping(), world.run.record), Span(0, 10))  # type: ignore[arg-type]
    assert world.objects("shards/") == {}
    assert validate_run(world.run, Span(0, 10)).missing == (Span(0, 10),)
    world.put(Span(0, 10), BAD)
    with pytest.raises(TrialError):
        validate_run(world.run, Span(0, 10))


def test_an_odd_trial_counts_and_is_listed(world: Any) -> None:
    world.fill(20)
    world.commit(Span(20, 21), accuracy=0.0)
    report = validate_run(world.run, Span(0, 21))
    assert [(item.trial, item.shard) for item in report.odd] == [(20, shard_key(Span(20, 21)))]
    assert "no better than predicting the most frequent label" in report.odd[0].reason
    assert quality(world, report).num_rows == 21
    assert report.suites is not None
    assert [item.id for item in report.suites.suites[0].failed("warning")] == ["odd_share"]
    assert report.odd[0].reason.split(";")[0] in world.run.store.read(report.docs_key).decode()


def test_overlapping_shards_count_each_trial_once(world: Any) -> None:
    """An extended run: the last, shorter chunk was trained again as a whole one, on other hardware."""
    world.commit(Span(0, 10))
    world.commit(Span(10, 15))
    world.commit(Span(10, 20), flavour=1)
    report = validate_run(world.run, Span(0, 20))
    assert [(shard.trials, shard.counted) for shard in report.shards] == [
        (Span(0, 10), Span(0, 10)),
        (Span(10, 15), Span(10, 15)),
        (Span(10, 20), Span(15, 20)),
    ]
    table = quality(world, report).to_pylist()
    assert [row["trial"] for row in table] == list(range(20))
    assert [row["shard"] for row in table[10:]] == [shard_key(Span(10, 15))] * 5 + [shard_key(Span(10, 20))] * 5


def test_a_bad_shard_that_another_covers(world: Any) -> None:
    world.put(Span(0, 5), BAD)
    world.commit(Span(0, 10))
    report = validate_run(world.run, Span(0, 10))
    assert report.missing == ()
    assert [record.trials for record in report.quarantined] == [Span(0, 5)]
    assert [shard.trials for shard in report.shards] == [Span(0, 10)]


def test_an_unchanged_run_is_not_checked_again(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world.fill(20)
    first = validate_run(world.run, Span(0, 20))
    before = world.objects()

    def refuse(*arguments: object) -> None:
        raise AssertionError("checked again")

    monkeypatch.setattr(validate_module, "check_shard", refuse)
    steps: list[float] = []
    assert validate_run(world.run, Span(0, 20), progress=steps.append) == first
    assert sum(steps) == 2
    assert world.objects() == before


def test_a_changed_run_is(world: Any) -> None:
    world.fill(20)
    first = validate_run(world.run, Span(0, 20))
    ref = world.ref(Span(10, 20))
    world.run.store.replace(ref.key, encode(world.shard(Span(10, 20), flavour=1)), generation=ref.generation)
    second = validate_run(world.run, Span(0, 20))
    assert second.id != first.id
    assert second.shards[1].sha256 != first.shards[1].sha256


def test_already_valid_does_not_load_great_expectations(make_world: Callable[..., Any], tmp_path: Path) -> None:
    world = make_world(uri=str(tmp_path / "run"))
    world.fill(20)
    report = validate_run(world.run, Span(0, 20))
    program = """
import sys
from mempipe.runs import Span, open_run
from mempipe.storage import open_store
from mempipe.validation.validate import validate_run
print(validate_run(open_run(open_store(sys.argv[1])), Span(0, 20)).id)
heavy = {"great_expectations", "pandas", "scipy", "sqlalchemy", "tensorflow", "airflow"} & set(sys.modules)
assert not heavy, heavy
"""
    command = [sys.executable, "-c", program, world.run.uri]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (process.returncode, process.stdout.strip(), process.stderr) == (0, report.id, "")


def test_a_stop_at_any_commit_is_repeated_to_the_same_end(world: Any) -> None:
    """Report last: whatever else is there, a run without it is validated again, and no commit clashes."""
    world.fill(10)
    world.put(Span(10, 20), BAD)
    store = world.run.store
    creates = 0

    class Stopping:
        uri = store.uri
        remaining = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        def create(self, key: str, content: bytes | Path) -> Any:
            nonlocal creates
            self.remaining -= 1
            if self.remaining == 0:
                raise StoreUnavailableError("Store did not answer.", hint="again.")
            creates += 1
            return store.create(key, content)

    stopping = Stopping()
    run = Run(stopping, world.run.record)  # type: ignore[arg-type]
    for remaining in range(1, 12):
        stopping.remaining = remaining
        try:
            report = validate_run(run, Span(0, 20))
        except StoreUnavailableError:
            assert not any(key.endswith("report.json") for key in world.objects("validation/"))
            continue
        if not report.missing:
            break
        world.commit(Span(10, 20))
    assert creates > 5
    assert report == validate_run(world.run, Span(0, 20))
    assert [record.trials for record in report.quarantined] == [Span(10, 20)]
    assert len([key for key in world.objects() if key.endswith("report.json")]) == 1


def test_two_validations_at_the_same_time(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one commits its report first: both return that one."""
    world.fill(10)
    judge = validate_module.check_tables
    reports = []

    def race(*arguments: Any, **options: Any) -> Any:
        monkeypatch.setattr(validate_module, "check_tables", judge)
        reports.append(validate_run(world.run, Span(0, 10)))
        return judge(*arguments, **options)

    monkeypatch.setattr(validate_module, "check_tables", race)
    assert validate_run(world.run, Span(0, 10)) == reports[0]


def test_a_table_that_contradicts_the_run_stops(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should our own code make a wrong table, the suite stops it: no report, but the Data Docs say why."""
    world.fill(10)
    honest = validate_module.quality_rows

    def dishonest(*arguments: Any, **options: Any) -> Any:
        table = honest(*arguments, **options)
        return table.set_column(4, table.schema.field(4), [np.full(table.num_rows, 1.5)])

    monkeypatch.setattr(validate_module, "quality_rows", dishonest)
    with pytest.raises(ExpectationError, match="shard_quality test_accuracy_range is broken by 10 of 10 rows"):
        validate_run(world.run, Span(0, 10))
    keys = list(world.objects("validation/"))
    assert any(key.endswith("data_docs/index.html") for key in keys)
    assert not any(key.endswith(("report.json", ".parquet")) for key in keys)


def test_a_damaged_report_is_named(world: Any) -> None:
    world.fill(10)
    key = f"validation/{validate_run(world.run, Span(0, 10)).id}/report.json"
    content, generation = world.run.store.read_versioned(key)
    world.run.store.replace(key, content[:-20], generation=generation)
    with pytest.raises(RunError, match=r"Validation report cannot be used: .*report\.json is damaged"):
        validate_run(world.run, Span(0, 10))
