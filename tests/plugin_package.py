"""Writes an installed package, as pip leaves it: modules beside a `dist-info` with entry points."""

from pathlib import Path


def write_package(folder: Path, name: str, modules: dict[str, str], entry_points: dict[str, dict[str, str]]) -> None:
    """Write the package `name` into an import folder.

    Args:
        folder: to be put on the import path.
        name: of the package; its modules are inside.
        modules: text of each module by name; `__init__` is empty unless given.
        entry_points: `name = module:attribute` of each group.
    """
    package, info = folder / name, folder / f"{name}-1.0.dist-info"
    for made in (package, info):
        made.mkdir(parents=True)
    for module, text in ({"__init__": ""} | modules).items():
        (package / f"{module}.py").write_text(text)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [
        line
        for group, names in entry_points.items()
        for line in (f"[{group}]", *(f"{key} = {value}" for key, value in names.items()), "")
    ]
    (info / "entry_points.txt").write_text("\n".join(lines))
