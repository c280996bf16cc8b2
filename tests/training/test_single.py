"""The single trainer: agrees with the ensemble, is deterministic, and resumes to the same bytes."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from mempipe.errors import TrialError
from mempipe.storage.memory import MemoryStore, open_uri
from mempipe.training.checkpoints import Checkpoints
from mempipe.training.normalize import fit_normalization
from mempipe.training.single import trainer as single
from mempipe.training.single.pipeline import Images
from mempipe.training.trainer import open_trainer
from tests.training.worlds import as_bytes, silent, spec, world

pytestmark = pytest.mark.usefixtures("test_models")

KIND = {"kind": "single", "checkpoint_minutes": 1e-9}


class InterruptedTrialError(Exception):
    """A machine vanishes."""


class Interrupt:
    """Progress that ends the process after some calls."""

    def __init__(self, after: int) -> None:
        self.remaining = after

    def __call__(self, part: float) -> None:
        self.remaining -= 1
        if self.remaining == 0:
            raise InterruptedTrialError


@pytest.fixture
def store(request: pytest.FixtureRequest) -> MemoryStore:
    return open_uri(f"memory://{request.node.name.replace('[', '.').replace(']', '').replace('_', '-')}")


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """15 steps in segments of 4: three checkpoints on the way."""
    monkeypatch.setattr(single, "SEGMENT_STEPS", 4)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model": {"name": "small_cnn", "filters": [4], "dense": 8}},
        {"model": {"name": "normalized"}},
        {"recipe": {"epochs": 3, "batch_size": 10, "learning_rate": 0.1, "nesterov": True, "momentum": 0.8}},
    ],
)
def test_the_ensemble_trains_the_same_models(changes: dict[str, Any]) -> None:
    """Same weights at the start, same batches, same rule: margins agree up to rounding (here: 1e-2 of 1 to 10)."""
    ours = open_trainer(spec(**changes), world())
    theirs = open_trainer(spec(trainer=KIND, **changes), world())
    for one, other in zip(ours.train([1, 6], silent), theirs.train([6, 1], silent), strict=True):
        assert one.trial == other.trial
        np.testing.assert_array_equal(one.subset_mask, other.subset_mask)
        for values, other_values in ((one.train, other.train), (one.test, other.test)):
            margin, other_margin = values["margin"], other_values["margin"]
            assert np.abs(margin).max() > 1
            np.testing.assert_allclose(margin, other_margin, atol=1e-2)
            assert (values["correct"] != other_values["correct"]).mean() < 0.02
        np.testing.assert_array_equal(other.train["correct"], other.train["prediction"] == world().train_labels)
        np.testing.assert_array_equal(other.test["correct"], other.test["prediction"] == world().test_labels)


def test_images_on_disk_give_the_same_bytes(tmp_path: Path) -> None:
    """A set larger than memory is mapped and read batch by batch; with augmentation, as ImageNet."""
    augmentation = {"crop_padding": 1, "flip": True}
    recipe = {"epochs": 3, "batch_size": 10, "learning_rate": 0.1, "augmentation": augmentation}
    settings = spec(trainer=KIND, recipe=recipe)
    held = world()
    for part in ("train_images", "test_images"):
        np.save(tmp_path / f"{part}.npy", getattr(held, part))
    mapped = replace(
        held, **{path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in tmp_path.glob("*.npy")}
    )
    assert isinstance(mapped.train_images, np.memmap)
    ours, theirs = (open_trainer(settings, data).train([3], silent) for data in (held, mapped))
    assert [as_bytes(outcome) for outcome in ours] == [as_bytes(outcome) for outcome in theirs]


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_a_resumed_trial_has_the_bytes_of_an_uninterrupted_one(precision: str, store: MemoryStore) -> None:
    """With batch normalization, dropout and, for float16, loss scaling: all their state is in the checkpoint."""
    settings = spec(model={"name": "noisy"}, trainer=KIND, precision=precision)
    plain = single.SingleTrainer(settings, world(), device="cpu", checkpoints=None)
    whole = {outcome.trial: outcome for outcome in plain.train([3, 4], silent)}
    last_state = plain._loop.state

    checkpoints = Checkpoints(store)
    with pytest.raises(InterruptedTrialError):
        list(open_trainer(settings, world(), checkpoints=checkpoints).train([4], Interrupt(after=3)))
    assert [info.key for info in store.list()] == [
        "checkpoints/trial=000004/step=000000008.npz",
        "checkpoints/trial=000004/step=000000012.npz",
    ]
    trainer = single.SingleTrainer(settings, world(), device="cpu", checkpoints=checkpoints)
    progress: list[float] = []
    (resumed,) = trainer.train([4], progress.append)
    assert progress == pytest.approx([12 / 15, 3 / 15])
    assert as_bytes(resumed) == as_bytes(whole[4])
    for left, right in zip(trainer._loop.state, last_state, strict=True):
        np.testing.assert_array_equal(left, right)

    # Trial 3 came before trial 4 in one trainer, and after it in another: neither leaves anything behind.
    (third,) = trainer.train([3], silent)
    assert as_bytes(third) == as_bytes(whole[3])
    checkpoints.clear([3, 4])
    assert list(store.list()) == []


def test_a_damaged_checkpoint_is_passed_over(store: MemoryStore, caplog: pytest.LogCaptureFixture) -> None:
    settings = spec(model={"name": "noisy"}, trainer=KIND)
    checkpoints = Checkpoints(store)
    trainer = open_trainer(settings, world(), checkpoints=checkpoints)
    with pytest.raises(InterruptedTrialError):
        list(trainer.train([4], Interrupt(after=3)))
    newest = list(store.list())[-1]
    content = bytearray(store.read(newest.key))
    content[len(content) // 2] ^= 1
    store.replace(newest.key, bytes(content), generation=newest.generation)
    progress: list[float] = []
    with caplog.at_level(logging.WARNING):
        (resumed,) = trainer.train([4], progress.append)
    assert progress[0] == pytest.approx(8 / 15)
    assert newest.key in caplog.text
    (whole,) = open_trainer(settings, world()).train([4], silent)
    assert as_bytes(resumed) == as_bytes(whole)


def test_a_diverged_trial_is_an_error_that_names_it() -> None:
    recipe = {"epochs": 1, "batch_size": 10, "learning_rate": 1e30, "schedule": {"kind": "constant"}}
    with pytest.raises(TrialError, match="trial 2 logits are not finite"):
        list(open_trainer(spec(recipe=recipe, trainer=KIND), world()).train([2], silent))


def test_images_stay_as_they_are_stored_until_they_are_used() -> None:
    """36 bytes of an image take five words of 64 bits."""
    trainer = single.SingleTrainer(spec(trainer=KIND), world(), device="cpu", checkpoints=None)
    words = trainer._train._images
    assert (words.dtype, words.shape) == ("int64", (70, 5))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 1), (4, 4, 3), (2, 4, 1)])
def test_resident_images_are_those_of_the_data_set(dtype: Any, shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    stored = random.integers(0, 256, (9, *shape)).astype(dtype)
    normalization = fit_normalization("standardize", stored, pixel_max=255.0)
    labels = np.arange(9)
    positions = random.integers(0, 9, 6)
    for streamed in (False, True):
        images = Images(stored, labels, normalization, streamed=streamed)
        got, their_labels = tf.function(images.examples)(tf.constant(positions))
        np.testing.assert_array_equal(got, normalization.apply(stored[positions]))
        np.testing.assert_array_equal(their_labels, labels[positions])


def test_all_that_a_step_gathers_can_be_gathered_on_a_gpu() -> None:
    """TensorFlow's kernel registry of this processor does not say; these types have kernels in gather_op.cc."""
    augmentation = {"crop_padding": 1, "flip": True}
    recipe = {"epochs": 3, "batch_size": 10, "learning_rate": 0.1, "augmentation": augmentation}
    trainer = single.SingleTrainer(spec(trainer=KIND, recipe=recipe), world(), device="cpu", checkpoints=None)
    list(trainer.train([0], silent))
    gathers = []
    for function in (trainer._loop._steps, trainer._loop._judge_all):
        graph = function._list_all_concrete_functions()[0].graph.as_graph_def()
        nodes = [node for one in graph.library.function for node in one.node_def] + list(graph.node)
        gathers += [tf.as_dtype(node.attr["Tparams"].type).name for node in nodes if node.op == "GatherV2"]
    assert "int64" in gathers
    assert set(gathers) <= {"bool", "int32", "int64", "float16", "bfloat16", "float32"}
