"""Data parallelism, on two logical CPU devices in a process of their own: the step of one device, up to rounding."""

import subprocess
import sys

import pytest

from mempipe.errors import InputError
from mempipe.training.single.replicas import replication

PREPARED = """
import tempfile
from dataclasses import replace
import numpy as np
import tensorflow as tf
device = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(device, [tf.config.LogicalDeviceConfiguration()] * 2)
tf.get_logger().setLevel("ERROR")
from mempipe.training.runtime import start_tensorflow
start_tensorflow(1)
from mempipe.storage.memory import open_uri
from mempipe.training import models
from mempipe.training.checkpoints import Checkpoints
from mempipe.training.single import trainer as single
from tests.training.worlds import as_bytes, silent, spec, world
RECIPE = {"epochs": 3, "batch_size": 10, "learning_rate": 0.1, "weight_decay": 0.001}
RECIPE["augmentation"] = {"crop_padding": 1, "flip": True}
def on_disk(images):
    mapped = np.memmap(tempfile.TemporaryFile(), images.dtype, "w+", shape=images.shape)
    mapped[:] = images
    return mapped
MEMORY = world()
DISK = replace(world(), train_images=on_disk(world().train_images))
def trainer(replicas, data, checkpoints=None, **model):
    kind = {"kind": "single", "replicas": replicas, "checkpoint_minutes": 1e-9}
    return single.SingleTrainer(
        spec(model=model, trainer=kind, recipe=RECIPE), data, device="cpu", checkpoints=checkpoints
    )
"""

SAME = """
states, outcomes = [], []
for replicas, data in ((1, MEMORY), (2, MEMORY), (2, DISK)):
    made = trainer(replicas, data, name="small_cnn", filters=[4], dense=8)
    assert made._train.resident == made._test.resident == (replicas == 1)
    (outcome,) = made.train([3], silent)
    states.append(made._loop.state)
    outcomes.append(outcome)
assert len(made._loop._model.variables[0].value.values) == 2  # one copy for each device
moved = [np.abs(value - begun).max() for value, begun in zip(states[1], made._initial.values(3))]
assert max(moved) > 0.05
for one, two in zip(*states[:2], strict=True):
    np.testing.assert_allclose(one, two, atol=1e-5)
np.testing.assert_allclose(*(outcome.train["margin"] for outcome in outcomes[:2]), atol=1e-2)
assert as_bytes(outcomes[1]) == as_bytes(outcomes[2])
"""

RESUMED = """
models.__path__.append("tests/training/models")
whole = trainer(2, MEMORY, name="noisy")
(outcome,) = whole.train([4], silent)
single.SEGMENT_STEPS = 6
checkpoints = Checkpoints(open_uri("memory://replicas"))
list(trainer(2, MEMORY, checkpoints, name="noisy").train([4], silent))
resumed = trainer(2, MEMORY, checkpoints, name="noisy")
told = []
(again,) = resumed.train([4], told.append)
assert len(told) == 2, told
assert as_bytes(again) == as_bytes(outcome)
for one, two in zip(whole._loop.state, resumed._loop.state, strict=True):
    np.testing.assert_array_equal(one, two)
"""


def run(code: str) -> None:
    process = subprocess.run([sys.executable, "-W", "error", "-c", PREPARED + code], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr[-3000:]


def test_two_replicas_train_what_one_device_trains() -> None:
    """15 steps with weight decay and augmentation, no batch normalization: within 1e-5.

    The images of the two are in memory, then on disk: each batch comes from the host, and the bytes are equal.
    """
    run(SAME)


def test_two_replicas_resume_to_the_same_bytes() -> None:
    """With batch normalization and dropout, whose state each replica has of its own."""
    run(RESUMED)


def test_fewer_devices_than_replicas_are_an_error() -> None:
    with pytest.raises(InputError, match=r"has 1 CPU devices, expected 3 as trainer\.replicas says"):
        replication(3)
