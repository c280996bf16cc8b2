"""The specs that come with mempipe: beside the package in a checkout, inside it when installed."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def specs_folder() -> Path:
    """Return the folder of the specs."""
    installed = _PACKAGE / "specs"
    return installed if installed.is_dir() else _PACKAGE.parent / "specs"


def spec_files() -> dict[str, Path]:
    """Return the file of each spec by its name, sorted."""
    return {path.stem: path for path in sorted(specs_folder().glob("*.yaml"))}
