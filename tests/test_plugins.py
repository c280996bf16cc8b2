"""Parts of other packages are found by name, and nothing of them is called before they keep the contract."""

import subprocess
import sys
from pathlib import Path
from typing import Protocol

import pytest

from mempipe.errors import PluginError
from mempipe.plugins import ExtensionPoint, _plugin, available, find
from mempipe.spec import Strict
from tests.plugin_package import write_package


class Part(Protocol):
    TITLE: str
    Params: type[Strict]

    @staticmethod
    def build(params: Strict, size: int, *, dtype: str) -> int: ...

    def method(self, size: int) -> int: ...


POINT = ExtensionPoint("part", "mempipe.parts", lambda: {"plain": __name__, "broken": "tests.plugin_package"}, Part)

# This module is the built-in part `plain`.
TITLE = "plain"
Params = Strict


def build(params: Strict, size: int, *, dtype: str) -> int:
    return size


def method(size: int) -> int:
    return size


GOOD = """
from mempipe.spec import Strict
TITLE = "a part"
class Params(Strict):
    size: int = 3
def build(params, size, *, dtype="float32"):
    return size
def method(size):
    return 2 * size
class Wide:
    TITLE, Params, build = "wide", Params, staticmethod(build)
    def method(self, size):
        return 3 * size
wide = Wide()
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """Name of an installed package of this test."""
    name = f"lab_{abs(hash(request.node.nodeid))}"
    entry_points = {"mempipe.parts": {"lab-module": f"{name}.good", "lab-object": f"{name}.good:wide"}}
    write_package(tmp_path / "site", name, {"good": GOOD, "bad": "raise RuntimeError('no')"}, entry_points)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    _plugin.cache_clear()
    return name


def test_a_part_is_a_module_or_an_object(lab: str) -> None:
    assert find(POINT, "lab-module").method(4) == 8
    assert find(POINT, "lab-object").method(4) == find(POINT, f"{lab}.good:wide").method(4) == 12
    assert find(POINT, f"{lab}:good") is find(POINT, "lab-module"), "as `from lab import good` imports a module"
    assert available(POINT) == ["broken", "lab-module", "lab-object", "plain"]
    assert find(POINT, "unknown") is None


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("subprocess:Popen", r"subprocess:Popen TITLE is 'missing', expected str"),
        ("{lab}.good:Wide", r"method is no function of these arguments, expected method\(size\)"),
        ("{lab}.good:missing", r"has no attribute 'missing'"),
        ("{lab}.nothing:wide", r"module lab_\d+\.nothing is missing, expected an installed one"),
        ("nowhere.nets:wide", r"module nowhere is missing, expected an installed one"),
        ("{lab}.bad:wide", r"raises RuntimeError \(no\)"),
        ("{lab}:good()", r"its name is .*, expected module:attribute"),
        (":wide", r"its name is ':wide', expected module:attribute"),
    ],
)
def test_what_is_no_part_is_refused(lab: str, reference: str, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        find(POINT, reference.format(lab=lab))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("Params(Strict)", "Params"), "Params is <class .*Params'>, expected a subclass of Strict"),
        (('TITLE = "a part"', "TITLE = 3"), "TITLE is 3, expected str"),
        (("size, *, dtype", "size, *, type"), r"build is no function of these arguments, expected build\(params, size"),
        (("def build(params, size,", "def build(params,"), "build is no function of these arguments"),
        (("def method", "method = 3\ndef other"), "method is no function of these arguments"),
    ],
)
def test_each_breach_of_the_contract_is_named(lab: str, tmp_path: Path, change: tuple[str, str], message: str) -> None:
    (tmp_path / "site" / lab / "good.py").write_text(GOOD.replace(*change))
    with pytest.raises(PluginError, match=message):
        find(POINT, "lab-module")


def test_one_name_means_one_part(lab: str, tmp_path: Path) -> None:
    write_package(tmp_path / "site", f"{lab}_too", {}, {"mempipe.parts": {"lab-object": f"{lab}_too:wide"}})
    with pytest.raises(PluginError, match=rf"lab-object = {lab}.* 1\.0 and .* {lab}_too 1\.0, expected one"):
        find(POINT, "lab-object")
    with pytest.raises(PluginError, match="expected one"):
        available(POINT)


def test_no_package_hides_a_built_in_part(lab: str, tmp_path: Path) -> None:
    write_package(tmp_path / "site", f"{lab}_too", {}, {"mempipe.parts": {"plain": f"{lab}.good"}})
    assert find(POINT, "plain").TITLE == "plain"
    with pytest.raises(PluginError, match=r"plain = .* is 'plain', expected another name"):
        available(POINT)


def test_a_built_in_part_keeps_the_contract() -> None:
    with pytest.raises(PluginError, match=r"tests\.plugin_package TITLE is 'missing', expected str"):
        find(POINT, "broken")


def test_a_built_in_part_reads_no_installed_packages() -> None:
    code = (
        "from mempipe import plugins\n"
        "from mempipe.spec import Component\n"
        "from mempipe.training.registry import resolve_model\n"
        "plugins._entries = None\n"
        "resolve_model(Component(name='mlp'))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
