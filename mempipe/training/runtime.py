"""Starts TensorFlow once a process: threads, determinism, and the accelerator."""

import os
import sys
from typing import Any, Final

from mempipe.errors import InputError
from mempipe.training.quiet import without_notices

_XLA_DETERMINISM: Final = "--xla_gpu_deterministic_ops=true"


def start_tensorflow(threads: int, *, gpus: int = 1) -> str:
    """Import and configure TensorFlow; a second call with the same number of threads changes nothing.

    One pool of `threads` threads for the work inside an operation, and one operation at a time: sums are then split
    in one way, whatever else the machine does (with several GPUs one operation on each). Operations without a
    deterministic implementation are errors. Of the machine's GPUs the first are used, and their memory is taken as it
    is needed.

    Args:
        threads: CPU threads of this process.
        gpus: how many GPUs at most.

    Returns:
        The device that trains: `cpu`, or the GPU's name.

    Raises:
        InputError: TensorFlow runs in this process already, in another configuration.
    """
    if "tensorflow" not in sys.modules:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_gpu_deterministic_ops" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {_XLA_DETERMINISM}".strip()
    with without_notices():
        return _configured(threads, gpus)


def _configured(threads: int, n_gpus: int) -> str:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")[:n_gpus]
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(max(1, len(gpus)))
        if gpus:
            tf.config.set_visible_devices(gpus, "GPU")
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError as error:
        running = tf.config.threading.get_intra_op_parallelism_threads()
        raise InputError(
            f"TensorFlow cannot be configured: this process threads is {running}, expected {threads}.",
            hint="train runs with different `trainer.threads` in different processes.",
        ) from error
    tf.config.experimental.enable_op_determinism()
    tf.config.experimental.enable_tensor_float_32_execution(False)  # float32 in a spec means float32 on every GPU
    tf.config.list_logical_devices()  # creates the devices now, while notices are held back
    return accelerator() or "cpu"


def accelerator() -> str | None:
    """Return the name of the GPU in use, or None; never loads TensorFlow."""
    tf: Any = sys.modules.get("tensorflow")
    if tf is None:
        return None
    gpus = tf.config.get_visible_devices("GPU")
    if not gpus:
        return None
    return str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU"))
