"""The name of the machine's GPU, which an own trainer may use, without any library."""

from pathlib import Path
from typing import Final

_GPUS: Final = Path("/proc/driver/nvidia/gpus")


def gpu_name() -> str | None:
    """Return the name of the first GPU that the NVIDIA driver lists, or None."""
    for path in sorted(_GPUS.glob("*/information")):
        for line in path.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "Model":
                return value.strip()
    return None
