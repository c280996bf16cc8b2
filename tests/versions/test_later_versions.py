"""What later versions add is ignored; what they change is told apart from damage, and left alone."""

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from mempipe.errors import LaterVersionError, MempipeError, ReleaseError, SpecError
from mempipe.experiments.plan import ExperimentPlan
from mempipe.experiments.result import Result
from mempipe.release.content import content_digest, table_digest
from mempipe.release.load import Release, load_release
from mempipe.release.manifest import Latest, Manifest, describe_file, release_id
from mempipe.runs import Plan, RunRecord, Span, open_run
from mempipe.spec import Document, parse_spec
from mempipe.steps.progress import LineReporter
from mempipe.steps.publish import publish
from mempipe.steps.retraining import spec_and_data
from mempipe.steps.train import train
from mempipe.storage import open_store
from mempipe.tables.parquet import write_table
from mempipe.validation.quarantine import settle
from mempipe.validation.report import ValidationReport
from mempipe.validation.validate import validate_run

DOCUMENTS: dict[str, tuple[type[Document], tuple[str, ...]]] = {
    "releases/early/*/manifest.json": (Manifest, ("", "data", "files.0", "subsets", "lemma_2_1", "pairs")),
    "releases/early/latest.json": (Latest, ("",)),
    "runs/early-d2*/run.json": (RunRecord, ("", "data", "spec", "spec.recipe.schedule", "spec.trainer")),
    "runs/early-d2*/plan.json": (Plan, ("",)),
    "runs/early-d2*/validation/*/report.json": (ValidationReport, ("", "shards.0", "suites.suites.0.outcomes.0")),
    "experiments/early/*/plans/influencers-*.json": (ExperimentPlan, ("", "runs.0", "tasks.0")),
    "experiments/early/*/influencers-*.json": (Result, ("", "findings", "findings.facts.0", "runs.0")),
}
"""Of each kind: its file in the store, and the parts of it that may grow."""


def grow(document: Any, part: str) -> None:
    """Add a field that a later version added."""
    for name in filter(None, part.split(".")):
        document = document[int(name) if name.isdecimal() else name]
    document["later_field"] = {"a": [1]}


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes))


@pytest.mark.parametrize("pattern", DOCUMENTS)
def test_a_later_field_is_ignored_and_a_later_version_is_not_damage(store: Path, pattern: str) -> None:
    (path,) = store.glob(pattern)
    (kind, parts), content = DOCUMENTS[pattern], path.read_bytes()
    current, document = kind.from_json(content, source="x"), json.loads(content)
    for part in parts:
        grow(document, part)
    assert kind.from_json(json.dumps(document).encode(), source="x").to_json() == current.to_json()
    for damaged in (content[:-5], b"[]", json.dumps(document | {"schema_version": "one"}).encode()):
        with pytest.raises(MempipeError, match=r"x is damaged \(") as caught:
            kind.from_json(damaged, source="x")
        assert not isinstance(caught.value, LaterVersionError)
    with pytest.raises(LaterVersionError, match="schema_version is 2, expected 1: it was written by a later version"):
        kind.from_json(json.dumps(document | {"schema_version": 2}).encode(), source="x")


def test_a_release_with_a_later_field_file_and_column(release: Release) -> None:
    """As the next minor version may write it: shown, and verified with what it says of itself."""
    folder = Path(release.uri)
    table = pq.read_table(folder / "classes.parquet")
    values = pa.array([0.5] * table.num_rows)
    table = table.append_column(pa.field("median_mem", pa.float64()), values)
    table = table.append_column(pa.field("note", pa.float64(), metadata={"digest": "no"}), values)
    pq.write_table(table, folder / "classes.parquet")
    (folder / "calibration.parquet").write_bytes((folder / "classes.parquet").read_bytes())
    (folder / "bundle.tar").write_bytes(b"later")
    digests = {
        **release.manifest.digests,
        "classes": table_digest("classes", table),
        "calibration": table_digest("calibration", table),
        "bundle": "of another kind",
    }
    digest = content_digest(digests)
    names = ("classes.parquet", "calibration.parquet", "bundle.tar")
    files = [file.model_dump() for file in release.manifest.files if file.path not in names]
    files += [describe_file(folder / name, name, "later kind").model_dump() for name in names]
    identity = release_id("early", release.manifest.key, 20, digest)
    edit(folder / "manifest.json", digests=digests, content_digest=digest, id=identity, files=files, minor_version=9)
    later = load_release(folder)
    later.verify()
    assert later.classes.equals(release.classes)
    write_table(table.slice(1), folder / "calibration.parquet")
    files[-2] = describe_file(folder / "calibration.parquet", "calibration.parquet", "later kind").model_dump()
    edit(folder / "manifest.json", files=files)
    with pytest.raises(ReleaseError, match=r"contradicts itself.*\(calibration differ\)"):
        load_release(folder).verify()
    (folder / "bundle.tar").write_bytes(b"other")
    with pytest.raises(ReleaseError, match=r"bundle\.tar SHA-256 is"):
        load_release(folder).verify()


def test_a_run_with_a_later_key_is_published_but_not_continued(store: Path, run_path: Path) -> None:
    """What the key means is not known: its trials are neither trained nor judged here, and nothing is moved."""
    document = json.loads((run_path / "run.json").read_bytes())
    grow(document, "spec")
    grow(document, "spec.trainer")
    edit(run_path / "run.json", spec=document["spec"])
    run = open_run(open_store(str(run_path)))
    assert run.record.later_keys == ("later_field", "trainer.later_field")
    (release,) = store.glob("releases/early/early-*")
    assert publish(str(run_path), None, None, LineReporter(io.StringIO())) == str(release)
    other = load_release(publish(str(run_path), None, "other", LineReporter(io.StringIO())))
    assert other.spec == document["spec"] | {"influence": "class"}, "a release says all that is known of its models"
    with pytest.raises(SpecError, match=r"later_field is an unknown key"):  # which are not trained without it
        spec_and_data(other, None)
    before = sorted(store.rglob("*"))
    for shard in run_path.glob("shards/*10-*.npz"):
        shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(LaterVersionError, match=r"spec has later_field, trainer\.later_field, expected keys"):
        train(str(run_path), Span(0, 30), LineReporter(io.StringIO()))
    with pytest.raises(LaterVersionError, match="Run cannot be continued"):
        validate_run(run, Span(0, 20))
    assert sorted(store.rglob("*")) == before


def test_the_spec_of_a_user_is_still_strict(run_path: Path) -> None:
    spec = json.loads((run_path / "run.json").read_bytes())["spec"]
    assert parse_spec(yaml.safe_dump(spec), source="x").name == "early"
    with pytest.raises(SpecError, match=r"recipe\.later_field is an unknown key"):
        parse_spec(yaml.safe_dump(spec | {"recipe": spec["recipe"] | {"later_field": 1}}), source="x")


def test_the_record_of_a_bad_shard_keeps_what_a_later_version_wrote(run_path: Path) -> None:
    run = open_run(open_store(str(run_path)))
    (path,) = run_path.glob("quarantine/*.json")
    edit(path, state="copied", later_field=[1])
    settle(run, run.shards())
    assert json.loads(path.read_bytes()) == json.loads(path.read_bytes()) | {"state": "removed", "later_field": [1]}
    edit(path, state="copied", schema_version=2)
    before = path.read_bytes()
    with pytest.raises(LaterVersionError, match="bad shard"):
        settle(run, run.shards())
    assert path.read_bytes() == before
