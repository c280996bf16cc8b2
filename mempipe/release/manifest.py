"""`manifest.json`: what a release is, how it was made and which files it has; a release exists when it does."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

from pydantic import Field

from mempipe.errors import MempipeError, ReleaseError
from mempipe.release.subset_design import SubsetDesign
from mempipe.spec import Document, Name, Stored

_CHUNK: Final = 2**20


class FileEntry(Stored):
    """One file of the release.

    Attributes:
        path: relative to the release.
        sha256: of its bytes.
        bytes: its size.
        kind: `scores` and `tallies` are fixed by the content; `document` describes it; later versions may have others.
    """

    path: str
    sha256: str
    bytes: int
    kind: str


class DataSource(Stored):
    """The data set that the positions refer to.

    Attributes:
        name: of the data set.
        fingerprint: SHA-256 of content and order; None where only labels were given.
        image_shape: (height, width, channels); None where unknown.
        source: where it came from.
        license: None where unknown.
    """

    name: str
    fingerprint: str | None = None
    image_shape: tuple[int, int, int] | None = None
    source: str = ""
    license: str | None = None


class Thresholds(Stored):
    """The selection of high-influence pairs: mem >= `mem` and infl >= `infl`, of equal labels if `same_label`."""

    mem: float = Field(0.25, ge=-1, le=1)
    infl: float = Field(0.15, ge=-1, le=1)
    same_label: bool = True


class LemmaBound(Stored):
    """The bound of Lemma 2.1, for independent, uniformly drawn subsets.

    Attributes:
        mean_squared_error: bound on that of any one estimate; None where the lemma does not apply.
        root_mean_squared_error: its square root.
        note: what the numbers are, or why there are none.
    """

    mean_squared_error: float | None
    root_mean_squared_error: float | None
    note: str


class Undefined(Stored):
    """Scores that do not exist, because every trial saw the example, or none did.

    Attributes:
        examples: training examples without memorization.
        pairs: counted pairs without influence: all those of these examples.
    """

    examples: int
    pairs: int


class PairCounts(Stored):
    """The statistics of section 3.3.

    Attributes:
        n_pairs: high-influence pairs.
        n_train: different training examples in them.
        n_test: different test examples in them.
        test_share: `n_test` as a share of the test set; None without a test set.
        n_test_single: test examples influenced by exactly one training example.
    """

    n_pairs: int
    n_train: int
    n_test: int
    test_share: float | None
    n_test_single: int


class Accuracies(Stored):
    """Mean accuracies over trials, from the counts.

    Attributes:
        train_seen: on training examples that the trial saw.
        train_held_out: on training examples that it did not see.
        test: on test examples.
    """

    train_seen: float | None
    train_held_out: float | None
    test: float | None


class Manifest(Document):
    """What a release is.

    Attributes:
        schema_version, minor_version: of the manifest, tables and tallies (docs/release-format.md).
        id: `{name}-{key, 12 digits}-t{trials}-{content digest, 12 digits}`.
        name: of the release.
        content_digest: SHA-256 over tables and tallies, equal between equal runs.
        digests: of its parts.
        key: the run key, or for `mempipe score` the hash of its inputs.
        key_kind: which of both.
        n_trials, n_train, n_test, n_classes: sizes.
        subsets: how the trials' subsets were drawn.
        influence: which pairs were counted.
        thresholds: of the high-influence pairs.
        estimators: what scores were made with: `plain`, and those with tables of their own.
        standard_error: name of the standard errors' method.
        lemma_2_1: the paper's bound, where it applies.
        undefined: scores that do not exist.
        pairs: statistics of the high-influence pairs.
        accuracies: means over trials.
        data: the data set.
        spec: the resolved spec of the run; None where there was no run.
        run: id of the run in its store; None where there was no run.
        merged: ids of the releases that were merged into this one.
        files: every other file.
        validation: what the expectation suites found, and where their documents lie.
        created: UTC; outside the digest.
        software: versions that wrote the release; outside the digest.
    """

    FAILURE: ClassVar[str] = "Release cannot be read"
    ERROR: ClassVar[type[MempipeError]] = ReleaseError
    HINT: ClassVar[str] = "fetch the release again; a manifest is never edited."

    minor_version: int = 0
    id: str
    name: Name
    content_digest: str
    digests: dict[str, str]
    key: str
    key_kind: Literal["run", "inputs"]
    n_trials: int
    n_train: int
    n_test: int
    n_classes: int
    subsets: SubsetDesign
    influence: Literal["class", "full"]
    thresholds: Thresholds
    estimators: tuple[str, ...] = ("plain",)
    standard_error: str
    lemma_2_1: LemmaBound
    undefined: Undefined
    pairs: PairCounts
    accuracies: Accuracies
    data: DataSource
    spec: dict[str, Any] | None = None
    run: str | None = None
    merged: tuple[str, ...] = ()
    files: tuple[FileEntry, ...]
    validation: dict[str, Any] | None = None
    created: datetime
    software: dict[str, str]


class Latest(Document):
    """`latest.json`: the release of a name that readers get.

    Attributes:
        release: its id, the folder beside this file.
        key: run key or hash of the inputs.
        content_digest, n_trials, created: from its manifest.
    """

    FAILURE: ClassVar[str] = "Latest release cannot be found"
    ERROR: ClassVar[type[MempipeError]] = ReleaseError
    HINT: ClassVar[str] = "open a release by its own URI, or delete this file and publish again."

    release: str
    key: str
    content_digest: str
    n_trials: int
    created: datetime

    @classmethod
    def of(cls, manifest: Manifest) -> "Latest":
        """Return the pointer to a release."""
        return cls(
            release=manifest.id,
            key=manifest.key,
            content_digest=manifest.content_digest,
            n_trials=manifest.n_trials,
            created=manifest.created,
        )


def release_id(name: str, key: str, n_trials: int, content_digest: str) -> str:
    """Return the release's id: its name, key, number of trials and content digest."""
    return f"{name}-{key[:12]}-t{n_trials}-{content_digest[:12]}"


def describe_file(path: Path, name: str, kind: str) -> FileEntry:
    """Return the entry of a local file that the release calls `name`."""
    digest, size = hash_file(path)
    return FileEntry(path=name, sha256=digest, bytes=size, kind=kind)


def hash_file(path: Path) -> tuple[str, int]:
    """Return SHA-256 and size of a file without holding it in memory."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def utc_now() -> datetime:
    """Return the time, to the second."""
    return datetime.now(UTC).replace(microsecond=0)
