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
DATA = {1: world(), 2: replace(world(), train_images=on_disk(world().train_images))}
def trainer(replicas, checkpoints=None, **model):
    kind = {"kind": "single", "replicas": replicas, "checkpoint_minutes": 1e-9}
    return single.SingleTrainer(
        spec(model=model, trainer=kind, recipe=RECIPE), DATA[replicas], device="cpu", checkpoints=checkpoints
    )
"""

SAME = """
states, margins = [], []
for replicas in (1, 2):
    made = trainer(replicas, name="small_cnn", filters=[4], dense=8)
    (outcome,) = made.train([3], silent)
    states.append(made._loop.state)
    margins.append(outcome.train["margin"])
assert len(made._loop._model.variables[0].value.values) == 2  # one copy for each device
moved = [np.abs(value - begun).max() for value, begun in zip(states[1], made._initial.values(3))]
assert max(moved) > 0.05
for one, two in zip(*states, strict=True):
    np.testing.assert_allclose(one, two, atol=1e-5)
np.testing.assert_allclose(*margins, atol=1e-2)
"""

RESUMED = """
models.__path__.append("tests/training/models")
whole = trainer(2, name="noisy")
(outcome,) = whole.train([4], silent)
single.SEGMENT_STEPS = 6
checkpoints = Checkpoints(open_uri("memory://replicas"))
list(trainer(2, checkpoints, name="noisy").train([4], silent))
resumed = trainer(2, checkpoints, name="noisy")
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
    """15 steps with weight decay and augmentation, the two from images on disk, no batch normalization: within 1e-5."""
    run(SAME)


def test_two_replicas_resume_to_the_same_bytes() -> None:
    """With batch normalization and dropout, whose state each replica has of its own."""
    run(RESUMED)


def test_fewer_devices_than_replicas_are_an_error() -> None:
    with pytest.raises(InputError, match=r"has 1 CPU devices, expected 3 as trainer\.replicas says"):
        replication(3)
