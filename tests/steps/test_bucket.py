"""The whole pipeline on a bucket: the same scores as in a folder, read back by URI."""

from pathlib import Path

import mempipe as package
from tests.command import mempipe


def test_a_bucket_gives_the_scores_of_a_folder(finished: tuple[Path, Path], spec: Path, gcs_bucket: str) -> None:
    store = f"gs://{gcs_bucket}/lab"
    uri = mempipe("run", spec, "--store", store).stdout.splitlines()[-1]
    assert uri.startswith(f"{store}/releases/tiny/")
    release = package.load_release(f"{store}/releases/tiny")
    release.verify()
    assert release.manifest.content_digest == package.load_release(finished[1]).manifest.content_digest
    again = mempipe("run", spec, "--store", store)
    assert again.stdout.splitlines()[-1] == uri
    assert "training" not in again.stderr
