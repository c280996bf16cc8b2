"""Writes installed packages, as pip leaves them: modules beside a `dist-info` with entry points."""

import re
import tomllib
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[1] / "docs" / "extend.md"


def page_blocks(language: str) -> list[str]:
    """The code blocks of docs/extend.md in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)


def write_lab(folder: Path) -> None:
    """Write the package `lab` of docs/extend.md into an import folder."""
    (project,) = map(tomllib.loads, page_blocks("toml"))
    parts = [block.split("\n", 1) for block in page_blocks("python")]
    modules = {Path(header.removeprefix("# ")).stem: text for header, text in parts}
    write_package(folder, "lab", modules, project["project"]["entry-points"])


def write_package(folder: Path, name: str, modules: dict[str, str], entry_points: dict[str, dict[str, str]]) -> None:
    """Write the package `name` into an import folder.

    Args:
        folder: to be put on the import path.
        name: of the package; its modules are inside.
        modules: text of each module by name; `__init__` is empty unless given.
        entry_points: `name = module:attribute` of each group.
    """
    package, info = folder / name, folder / f"{name}-1.0.dist-info"
    for folder in (package, info):
        folder.mkdir(parents=True)
    for module, text in ({"__init__": ""} | modules).items():
        (package / f"{module}.py").write_text(text)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [
        line
        for group, names in entry_points.items()
        for line in (f"[{group}]", *(f"{key} = {value}" for key, value in names.items()), "")
    ]
    (info / "entry_points.txt").write_text("\n".join(lines))
