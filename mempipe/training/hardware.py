"""What a trial was computed on and with: for the shard's sidecar, and to decide which results must be equal."""

import hashlib
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

_CPUINFO: Final = Path("/proc/cpuinfo")
_PACKAGES: Final = {
    "tensorflow": ("tensorflow", "tensorflow-cpu"),
    "keras": ("keras",),
    "numpy": ("numpy",),
    "mempipe": ("mempipe",),
}
_FLAGS: Final = {"Features": "flags"}
"""Arm calls them features."""
_ARITHMETIC: Final = ("sse4", "avx", "fma", "f16c", "amx", "asimd", "sve", "bf16")
"""Prefixes of the processor flags by which numerical libraries choose their kernels."""


def describe_hardware(device: str, *, tensorflow: bool = True) -> dict[str, Any]:
    """Return what a trainer computes on, as a flat dictionary.

    Args:
        device: that the trainer uses: `cpu`, or the GPU's name.
        tensorflow: whether it computes with TensorFlow, whose version then decides the key too.

    Returns:
        `cpu`, `cpu_family` (vendor/family/model/stepping), `cpu_flags` (those that change arithmetic), `cores`,
        `memory_gib`, `accelerator` (GPU's name or None), `platform`, and `hardware_key`: two processes with equal keys
        and the same run must compute the same bytes.
    """
    info = _cpu_info()
    gpu = None if device == "cpu" else device
    flags = sorted(flag for flag in info.get("flags", "").split() if flag.startswith(_ARITHMETIC))
    family = "/".join(info.get(key, "") for key in ("vendor_id", "cpu family", "model", "stepping"))
    computes = ["gpu", gpu] if gpu else ["cpu", info.get("model name", platform.machine()), family, *flags]
    if tensorflow:
        computes.append(_version("tensorflow"))
    digest = hashlib.sha256("|".join(computes).encode()).hexdigest()[:16]
    return {
        "cpu": info.get("model name", platform.processor() or platform.machine()),
        "cpu_family": family,
        "cpu_flags": " ".join(flags),
        "cores": _cores(),
        "memory_gib": _memory_gib(),
        "accelerator": gpu,
        "platform": platform.platform(),
        "hardware_key": f"{computes[0]}-{digest}",
    }


def describe_software() -> dict[str, str]:
    """Return the versions that this process computes with: Python and the libraries that decide results."""
    return {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}


def _cores() -> int:
    """Return the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_gib() -> float:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError):
        return 0.0


def _cpu_info() -> dict[str, str]:
    """Return the first processor's entries of /proc/cpuinfo; empty where there is none."""
    try:
        lines = _CPUINFO.read_text().split("\n\n")[0].splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in lines)
    return {_FLAGS.get(key.strip(), key.strip()): value.strip() for key, _, value in pairs}


def _version(name: str) -> str:
    for package in _PACKAGES[name]:
        try:
            return version(package)
        except PackageNotFoundError:
            continue
    return "unknown"
