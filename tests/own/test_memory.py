"""How much memory a trainer holds and may hold, and which GPU the machine has."""

import subprocess
import sys
from pathlib import Path

import pytest

from mempipe.training.own import gpu, memory

SHARING = """
import os, sys, time
held = bytearray(b"x") * (120 * 2**20)
for _ in range(3):
    if os.fork() == 0:
        time.sleep(600)
print("ready", flush=True)
sys.stdin.read()
"""


def test_pages_that_processes_share_count_once() -> None:
    """Four processes of 120 MiB each that hold the same pages: as the workers of a data loader do."""
    process = subprocess.Popen(
        [sys.executable, "-c", SHARING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, process_group=0
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert memory.exceeds(250_000_000) is None
        held = memory.exceeds(100_000_000)
        assert held is not None
        assert 120 * 2**20 < held < 250_000_000
    finally:
        subprocess.run(["kill", "-9", "--", f"-{process.pid}"], check=True)
        process.communicate()


def test_a_container_may_hold_nine_tenths_of_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = tmp_path / "memory.max", tmp_path / "absent"
    monkeypatch.setattr(memory, "_LIMITS", limits)
    whole = memory.default_limit()
    limits[0].write_text("max\n")
    assert memory.default_limit() == whole
    limits[0].write_text("100000000\n")
    assert memory.default_limit() == 90_000_000


def test_the_gpu_that_the_driver_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "_GPUS", tmp_path)
    assert gpu.gpu_name() is None
    (tmp_path / "0000:1b:00.0").mkdir()
    (tmp_path / "0000:1b:00.0" / "information").write_text("Model: \t\t NVIDIA H100 80GB HBM3\nIRQ:   \t\t 512\n")
    assert gpu.gpu_name() == "NVIDIA H100 80GB HBM3"
