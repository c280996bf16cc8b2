"""Resolves the locked requirements from pyproject.toml, with hashes and without index URLs."""

import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
LOCKS: Final = {
    "all": ["--extra=pipeline", "--extra=gcs", "--extra=train", "--extra=airflow", "--group=dev"],
    "build": ["--group=build"],
    "trainer": ["--extra=pipeline", "--extra=gcs", "--extra=train"],
    "trainer-cuda": ["--extra=pipeline", "--extra=gcs", "--extra=train-cuda"],
    "own-trainer": ["images/own-trainer/requirements.in", "--extra=gcs"],
    "airflow": [
        *("--extra=gcs", "--extra=airflow", "--extra=airflow-cluster"),
        "--excludes=requirements/airflow-excludes.in",
    ],
}


def main() -> None:
    """Write requirements/NAME.txt for each lock; a lock that exists keeps its versions where it can."""
    for name, options in LOCKS.items():
        subprocess.run(  # noqa: S603 - our own command
            [
                *(str(Path(sys.executable).with_name("uv")), "pip", "compile", "--quiet"),
                # A group alone: with pyproject.toml as a source the package's own dependencies would come along.
                *(options if options[0].startswith("--group") else ["pyproject.toml", *options]),
                *("--python-version=3.11", "--python-platform=x86_64-manylinux_2_28", "--generate-hashes"),
                *("--no-emit-index-url", "--no-emit-find-links", "--no-header", "--no-annotate"),
                *(f"--output-file=requirements/{name}.txt", *sys.argv[1:]),
            ],
            cwd=ROOT,
            check=True,
        )


if __name__ == "__main__":
    main()
