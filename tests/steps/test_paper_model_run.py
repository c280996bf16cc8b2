"""One of the paper's networks by `mempipe run`, from images to a release whose counts are those of its subsets."""

from pathlib import Path

import numpy as np
import pytest

import mempipe as package
from mempipe.spec import parse_spec
from mempipe.subsets import subset_mask
from tests.command import mempipe

N_TRAIN, N_TEST, N_TRIALS = 20, 10, 3

SPEC = """
name: one-epoch
data: {{name: npz, path: {path}}}
model: {{name: {model}}}
recipe:
  epochs: 1
  batch_size: 7
  learning_rate: 0.05
  weight_decay: 0.0001
  augmentation: {{crop_padding: 1, flip: true}}
trainer: {{kind: single}}
seed: 5
trials: {trials}
chunk_size: 2
"""


@pytest.mark.parametrize("model", ["resnet18"])
def test_a_network_of_the_paper_to_a_release(model: str, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    train, test = (random.integers(0, 256, (n, 8, 8, 3), dtype=np.uint8) for n in (N_TRAIN, N_TEST))
    train_labels, test_labels = np.arange(N_TRAIN) % 2, np.arange(N_TEST) % 2
    np.savez(tmp_path / "few.npz", x_train=train, y_train=train_labels, x_test=test, y_test=test_labels)
    text = SPEC.format(path=tmp_path / "few.npz", model=model, trials=N_TRIALS)
    (tmp_path / "spec.yaml").write_text(text)
    done = mempipe("run", tmp_path / "spec.yaml", "--store", tmp_path / "store", "--workers", "1")
    release = package.load_release(done.stdout.splitlines()[-1])
    release.verify()
    spec = parse_spec(text, source="test")
    draws = [subset_mask(spec.subsets, n_train=N_TRAIN, seed=spec.seed, trial=trial) for trial in range(N_TRIALS)]
    masks = np.array(draws)
    assert masks.sum(axis=1).tolist() == [14] * N_TRIALS
    table = release.examples.to_pandas()
    assert table["n_in"].tolist() == masks.sum(axis=0).tolist()
    assert table["n_out"].tolist() == (~masks).sum(axis=0).tolist()
    assert (table["correct_in"] <= table["n_in"]).all()
    assert (table["correct_out"] <= table["n_out"]).all()
    # An example that every trial saw, or none, has no score; the others have the difference of their shares.
    both = (table["n_in"] > 0) & (table["n_out"] > 0)
    assert 0 < both.sum() < N_TRAIN
    assert table["mem"].notna().tolist() == both.tolist()
    shares = table["correct_in"] / table["n_in"] - table["correct_out"] / table["n_out"]
    assert table["mem"][both].tolist() == shares[both].tolist()
    # The trials' own accuracies count the same predictions.
    trials = release.trials.to_pandas()
    assert trials["trial"].tolist() == list(range(N_TRIALS))
    n_correct = release.test_examples["n_correct"].to_numpy()
    assert n_correct.sum() == np.rint(trials["test_accuracy"] * N_TEST).sum()
    seen = np.rint(trials["train_accuracy_in"] * 14).sum()
    assert table["correct_in"].sum() == seen
