"""Data parallelism over the GPUs of one machine (Feldman & Zhang 2020, App. B: 8 GPUs for ImageNet)."""

from functools import cache

import tensorflow as tf

from mempipe.errors import InputError


@cache
def replication(n_replicas: int) -> tf.distribute.Strategy:
    """Return the strategy in whose scope a model is built: as many replicas, each on a device of its own.

    Devices are the visible GPUs; where there is none, the logical CPUs, of which there is one unless TensorFlow is
    configured otherwise.

    Raises:
        InputError: there are fewer devices.
    """
    if n_replicas == 1:
        return tf.distribute.get_strategy()
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(devices) < n_replicas:
        raise InputError(
            f"Trainer cannot start: this process has {len(devices)} {devices[0].device_type} devices, "
            f"expected {n_replicas} as trainer.replicas says.",
            hint="train on a machine with as many GPUs, or plan with a smaller `trainer.replicas` (another run).",
        )
    return tf.distribute.MirroredStrategy([device.name for device in devices[:n_replicas]])
