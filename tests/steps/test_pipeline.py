"""The pipeline as a user starts it: one command to a release, killed, corrupted, resumed and extended."""

import dataclasses
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import mempipe as package
from mempipe.bits import unpack
from mempipe.shards import decode, encode
from tests.command import mempipe, run_folder, score_files


def manifest(release: Path) -> dict[str, object]:
    return dict(json.loads((release / "manifest.json").read_text()))


def test_scores_equal_two_plain_loops_over_the_shards(finished: tuple[Path, Path]) -> None:
    """Reads the shards with numpy alone and recomputes Algorithm 1 in the plainest way, bit for bit."""
    store, release = finished
    seen, train, test = [], [], []
    for path in sorted((run_folder(store) / "shards").iterdir()):
        with np.load(path, allow_pickle=False) as shard:
            n_train, n_test = int(shard["n_train"]), int(shard["n_test"])
            seen.append(np.unpackbits(shard["subset_mask"], axis=1, count=n_train, bitorder="little"))
            train.append(np.unpackbits(shard["train_correct"], axis=1, count=n_train, bitorder="little"))
            test.append(np.unpackbits(shard["test_correct"], axis=1, count=n_test, bitorder="little"))
    mask, train_correct, test_correct = (np.concatenate(part).astype(bool) for part in (seen, train, test))
    assert len(mask) == 40
    matrix = np.load(next(release.glob("*_infl_matrix.npz")), allow_pickle=False)
    for i in range(n_train):
        inside, outside = train_correct[mask[:, i], i], train_correct[~mask[:, i], i]
        assert matrix["tr_mem"][i] == inside.sum() / len(inside) - outside.sum() / len(outside)
    tr_idx, tt_idx = matrix["tr_classidx_3"], matrix["tt_classidx_3"]
    for row, i in enumerate(tr_idx[::10]):
        for column, j in enumerate(tt_idx):
            inside, outside = test_correct[mask[:, i], j], test_correct[~mask[:, i], j]
            expected = np.float32(inside.sum() / len(inside) - outside.sum() / len(outside))
            assert matrix["infl_matrix_class3"][row * 10, column] == expected


def test_predictions_scored_from_files_give_the_same_tables(finished: tuple[Path, Path], tmp_path: Path) -> None:
    """`mempipe score` on the run's own predictions, unpacked to plain arrays, publishes the same scores."""
    store, release = finished
    shards = [decode(path.read_bytes(), source="x") for path in sorted((run_folder(store) / "shards").iterdir())]
    theirs = np.load(release / "tiny_infl_matrix.npz", allow_pickle=False)
    arrays = {
        "subset-mask": np.concatenate([unpack(shard.subset_mask, shard.n_train) for shard in shards]),
        "train-correct": np.concatenate([unpack(shard.train["correct"], shard.n_train) for shard in shards]),
        "test-correct": np.concatenate([unpack(shard.test["correct"], shard.n_test) for shard in shards]),
        "train-labels": theirs["tr_labels"],
        "test-labels": theirs["tt_labels"],
    }
    options: list[str | Path] = []
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
        options += [f"--{name}", tmp_path / f"{name}.npy"]
    mempipe("score", *options, "--name", "tiny", "--out", tmp_path / "out")
    for name in (
        "tiny_infl_matrix.npz",
        "tiny_high_infl_pairs_infl0.15_mem0.25.npz",
        "examples.parquet",
        "pairs.parquet",
    ):
        assert (tmp_path / "out" / name).read_bytes() == (release / name).read_bytes(), name
    before = score_files(tmp_path / "out")
    mempipe("score", *options, "--name", "tiny", "--out", tmp_path / "out")
    assert score_files(tmp_path / "out") == before


def test_the_release_is_the_last_line_and_loads(finished: tuple[Path, Path]) -> None:
    store, path = finished
    release = package.load_release(str(path))
    assert release.manifest.n_trials == 40
    latest = package.load_release(str(store / "releases" / "tiny"))
    assert latest.manifest.content_digest == release.manifest.content_digest


def test_a_second_run_does_nothing_and_changes_nothing(store: Path, spec: Path) -> None:
    def files() -> dict[Path, bytes]:
        """All files but the plan, which lists the trials that were missing at that time."""
        return {path: path.read_bytes() for path in store.rglob("*") if path.is_file() and path.name != "plan.json"}

    before = files()
    done = mempipe("run", spec, "--store", store)
    assert files() == before
    assert "training" not in done.stderr


@pytest.mark.parametrize("seconds", [0.5, 3.0])
def test_killed_at_any_point_it_ends_with_the_same_bytes(
    finished: tuple[Path, Path], spec: Path, tmp_path: Path, seconds: float
) -> None:
    """SIGKILL to the whole process group some time after the first shard; then the same command again."""
    store = tmp_path / "store"
    command = [sys.executable, "-m", "mempipe", "run", str(spec), "--store", str(store), "--workers", "1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 120
    while not list(store.glob("runs/*/shards/*.npz")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(seconds)
    for pid in (process.pid, *_children(process.pid)):
        subprocess.run(["kill", "-KILL", str(pid)], check=False)
    assert process.wait() == -signal.SIGKILL
    release = Path(mempipe("run", spec, "--store", store).stdout.splitlines()[-1])
    assert manifest(release)["content_digest"] == manifest(finished[1])["content_digest"]
    assert score_files(release) == score_files(finished[1])


def test_workers_end_with_a_parent_that_is_killed(spec: Path, tmp_path: Path) -> None:
    """No orphan trains on: this spec would take hours."""
    endless = tmp_path / "endless.yaml"
    endless.write_text(spec.read_text().replace("epochs: 6", "epochs: 1000000"))
    command = [sys.executable, "-m", "mempipe", "run", str(endless), "--store", str(tmp_path / "store")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (workers := _children(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert workers
    time.sleep(1)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{pid}/cmdline").exists() for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [pid for pid in workers if Path(f"/proc/{pid}/cmdline").exists()]


def _children(pid: int) -> list[int]:
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
    return [int(child) for child in children]


def test_a_corrupt_shard_is_moved_aside_and_trained_again(store: Path, spec: Path, finished: tuple[Path, Path]) -> None:
    shard = run_folder(store) / "shards" / "trials=000010-000019.npz"
    good = shard.read_bytes()
    damaged = bytearray(good)
    damaged[len(damaged) // 2] ^= 1
    shard.write_bytes(bytes(damaged))
    shutil.rmtree(store / "releases")
    release = Path(mempipe("run", spec, "--store", store).stdout.splitlines()[-1])
    assert shard.read_bytes() == good
    copies = list((run_folder(store) / "quarantine").glob("*.npz"))
    assert [path.read_bytes() for path in copies] == [bytes(damaged)]
    assert score_files(release) == score_files(finished[1])


def test_the_same_bad_bytes_twice_are_a_permanent_error(store: Path, spec: Path) -> None:
    shard = run_folder(store) / "shards" / "trials=000010-000019.npz"
    run = run_folder(store)
    for code in (0, 20):
        shard.write_bytes(b"bad")
        done = mempipe("validate", run, code=code)
    assert "10" in done.stderr
    assert "19" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_shard_of_another_run_is_moved_aside(store: Path) -> None:
    run = run_folder(store)
    shard = run / "shards" / "trials=000010-000019.npz"
    foreign = dataclasses.replace(decode(shard.read_bytes(), source="x"), run_key="0" * 64)
    shard.write_bytes(encode(foreign))
    done = mempipe("validate", run)
    assert "run_key is 0000" in done.stderr
    assert not shard.exists()
    assert len(list((run / "quarantine").glob("*.npz"))) == 1
    assert json.loads((run / "plan.json").read_text())["tasks"] == [[10, 20]]


def test_more_trials_extend_the_run(store: Path, spec: Path, finished: tuple[Path, Path]) -> None:
    shards = {path.name: path.read_bytes() for path in (run_folder(store) / "shards").iterdir()}
    release = Path(mempipe("run", spec, "--store", store, "--trials", "55").stdout.splitlines()[-1])
    extended = {path.name: path.read_bytes() for path in (run_folder(store) / "shards").iterdir()}
    assert extended.items() > shards.items()
    assert sorted(set(extended) - set(shards)) == ["trials=000040-000049.npz", "trials=000050-000054.npz"]
    assert manifest(release)["n_trials"] == 55
    assert manifest(Path(finished[1]))["content_digest"] != manifest(release)["content_digest"]
    latest = json.loads((store / "releases" / "tiny" / "latest.json").read_text())
    assert latest["release"] == release.name


def test_all_pairs_are_counted_from_the_same_shards(store: Path, spec: Path) -> None:
    """`influence: full` needs no training: the release answers questions about any labels, and agrees on equal ones."""
    before = {path.name: path.read_bytes() for path in (run_folder(store) / "shards").iterdir()}
    by_class = package.load_release(store / "releases" / "tiny")
    refused = mempipe("pairs", store / "releases" / "tiny", "--any-label", code=20)
    assert "influence is 'class', expected 'full'" in refused.stderr
    spec_of_all = store / "full.yaml"
    spec_of_all.write_text(spec.read_text() + "influence: full\n")
    release = package.load_release(mempipe("run", spec_of_all, "--store", store).stdout.splitlines()[-1])
    assert {path.name: path.read_bytes() for path in (run_folder(store) / "shards").iterdir()} == before
    everything = release.influence(3, same_label=False)
    same = np.isin(everything.tt_idx, by_class.influence(3).tt_idx)
    assert everything.infl.shape == (len(everything.tr_idx), 360)
    assert np.array_equal(everything.infl[:, same], by_class.influence(3).infl)
    assert release.select_pairs(same_label=False).num_rows >= release.select_pairs().num_rows


@pytest.mark.parametrize("damaged", ["tallies/*/examples.npz", "tallies/*/published-tiny.json"])
def test_what_can_be_derived_again_is(store: Path, spec: Path, finished: tuple[Path, Path], damaged: str) -> None:
    (path,) = run_folder(store).glob(damaged)
    path.write_bytes(b"")
    shutil.rmtree(store / "releases")
    release = Path(mempipe("run", spec, "--store", store).stdout.splitlines()[-1])
    assert score_files(release) == score_files(finished[1])


@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_a_damaged_release_is_named(store: Path, spec: Path, damage: str) -> None:
    (table,) = store.glob("releases/tiny/tiny-*/examples.parquet")
    if damage == "missing":
        table.unlink()
    else:
        table.write_bytes(table.read_bytes()[:-9])
    done = mempipe("run", spec, "--store", store, code=20)
    assert f"{table} is " in done.stderr
    assert "Traceback" not in done.stderr


def test_damaged_pair_counts_are_named_with_the_way_out(store: Path, spec: Path, finished: tuple[Path, Path]) -> None:
    (blocks,) = run_folder(store).glob("tallies/*/blocks-00000.npz")
    content = bytearray(blocks.read_bytes())
    content[len(content) // 2] ^= 1
    blocks.write_bytes(bytes(content))
    shutil.rmtree(store / "releases")
    done = mempipe("run", spec, "--store", store, code=20)
    assert f"delete {blocks.parent} and run" in done.stderr
    shutil.rmtree(blocks.parent)
    release = Path(mempipe("run", spec, "--store", store).stdout.splitlines()[-1])
    assert score_files(release) == score_files(finished[1])


def test_damaged_labels_are_named(store: Path) -> None:
    labels = run_folder(store) / "labels.npz"
    labels.write_bytes(labels.read_bytes()[:-20])
    shutil.rmtree(run_folder(store) / "tallies")
    done = mempipe("aggregate", run_folder(store), code=20)
    assert "labels.npz is missing or damaged" in done.stderr
    assert "Traceback" not in done.stderr


def test_aggregate_refuses_an_incomplete_run(store: Path) -> None:
    run = run_folder(store)
    (run / "shards" / "trials=000000-000009.npz").unlink()
    done = mempipe("aggregate", run, code=10)
    assert "trials 0 to 9" in done.stderr
