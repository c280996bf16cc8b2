"""The description of a machine: flat, JSON, and a key that changes exactly when arithmetic may."""

import json
from pathlib import Path

import pytest

from mempipe.training import hardware

CPUINFO = """processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 1
model name\t: AMD EPYC 7763
stepping\t: 1
cpu MHz\t\t: {mhz}
flags\t\t: fpu sse4_2 avx2 fma {more}

processor\t: 1
model name\t: another
"""


def key(
    monkeypatch: pytest.MonkeyPatch, path: Path, *, mhz: str = "2445", more: str = "aes", device: str = "cpu"
) -> str:
    path.write_text(CPUINFO.format(mhz=mhz, more=more))
    monkeypatch.setattr(hardware, "_CPUINFO", path)
    return str(hardware.describe_hardware(device)["hardware_key"])


def test_it_is_flat_and_survives_json() -> None:
    described = hardware.describe_hardware("cpu") | hardware.describe_software()
    assert json.loads(json.dumps(described)) == described
    assert {"cpu", "cores", "accelerator", "platform", "hardware_key", "python", "tensorflow", "keras", "numpy"} <= set(
        described
    )
    assert described["tensorflow"].startswith("2.")
    assert described["cores"] >= 1


def test_the_key_follows_the_instructions_and_not_the_clock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "cpuinfo"
    plain = key(monkeypatch, path)
    assert key(monkeypatch, path, mhz="3000") == plain
    assert key(monkeypatch, path, more="rdseed") == plain
    assert key(monkeypatch, path, more="avx512f") != plain
    assert plain.startswith("cpu-")


def test_the_key_follows_tensorflows_version_and_the_accelerator(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plain = key(monkeypatch, tmp_path / "cpuinfo")
    monkeypatch.setattr(hardware, "version", lambda _: "3.0.0")
    other_version = key(monkeypatch, tmp_path / "cpuinfo")
    on_gpu = key(monkeypatch, tmp_path / "cpuinfo", device="NVIDIA H200")
    assert len({plain, other_version, on_gpu}) == 3
    # The processor beside a GPU computes nothing of a trial's steps.
    assert key(monkeypatch, tmp_path / "cpuinfo", more="avx512f", device="NVIDIA H200") == on_gpu


def test_the_key_of_a_trainer_without_tensorflow_does_not_follow_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = hardware.describe_hardware("cpu", tensorflow=False)["hardware_key"]
    monkeypatch.setattr(hardware, "version", lambda _: "3.0.0")
    assert hardware.describe_hardware("cpu", tensorflow=False)["hardware_key"] == plain


def test_a_machine_without_cpuinfo_is_described_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(hardware, "_CPUINFO", tmp_path / "missing")
    described = hardware.describe_hardware("cpu")
    assert described["cpu"]
    assert described["cpu_flags"] == ""
