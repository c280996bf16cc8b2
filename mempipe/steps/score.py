"""`mempipe score` and `mempipe.score`: a whole release from predictions of other software, out of core."""

import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from mempipe.errors import InputError
from mempipe.outcomes import REQUIRED
from mempipe.release.content import ReleaseContent
from mempipe.release.folder import check_folder, publish_folder
from mempipe.release.load import Release, load_release
from mempipe.release.manifest import DataSource, Thresholds
from mempipe.release.subset_design import SubsetDesign
from mempipe.release.write import Check, write_release
from mempipe.scores.estimators import load_estimators, require_outcomes
from mempipe.scores.tally import BlockTally, ExampleTally, Scope, blocks_of
from mempipe.spec import checked_name
from mempipe.steps.batches import track
from mempipe.steps.predictions import Predictions, ScoreInputs, Source
from mempipe.steps.progress import Reporter, SilentReporter
from mempipe.storage.staging import staging_folder


def score_arrays(
    subset_mask: Source,
    train_correct: Source,
    test_correct: Source,
    train_labels: Source,
    test_labels: Source,
    *,
    name: str = "scores",
    out: str | os.PathLike[str] | None = None,
    influence: str = "class",
    estimators: Sequence[str] = (),
) -> Release:
    """Score predictions of other software; `mempipe.score` in a notebook.

    Equivalent to the command `mempipe score`: same checks, same scores. It needs no optional package. Without numba it
    counts in numpy, which takes three to six times as long.

    Args:
        subset_mask: bool [trial, train]; which training examples each model saw.
        train_correct: bool [trial, train]; whether each model classifies each training example correctly, including
            the examples outside its subset.
        test_correct: bool [trial, test].
        train_labels: integers (n_train,), every class from 0 up.
        test_labels: integers (n_test,).
        name: of the release.
        out: a new or empty folder, which becomes the release. None: a temporary folder, which is removed with the
            returned object; Great Expectations does not check its tables.
        influence: `class` counts pairs of one class, `full` all pairs.
        estimators: names of estimators to use beside `plain` (`Release.estimates`).

    Each of the five inputs is array-like, or the path of an npy file, which is memory-mapped.

    Returns:
        The release: `mem`, `mem_se`, `influence(label)`, `select_pairs()`, tables as in `docs/release-format.md`.

    Raises:
        InputError: arrays do not fit together or are not binary, a file is missing or damaged, or `out` is in use.

    Example:
        >>> scores = mempipe.score(mask, train_correct, test_correct, y_train, y_test)  # doctest: +SKIP
        >>> scores.mem.argsort()[::-1][:10]  # doctest: +SKIP
    """
    inputs = ScoreInputs(subset_mask, train_correct, test_correct, train_labels, test_labels)
    if out is not None:
        return load_release(
            score(
                inputs,
                name=name,
                out=Path(out),
                influence=influence,
                estimators=estimators,
                reporter=SilentReporter(),
            )
        )
    folder = Path(tempfile.mkdtemp(prefix="mempipe-score-"))
    try:
        place = folder / checked_name(name)
        score(
            inputs,
            name=name,
            out=place,
            influence=influence,
            estimators=estimators,
            reporter=SilentReporter(),
            check=False,
        )
        release = load_release(place)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(release, shutil.rmtree, folder, ignore_errors=True)
    return release


def score(
    inputs: ScoreInputs,
    *,
    name: str,
    out: Path,
    influence: str,
    estimators: Sequence[str] = (),
    reporter: Reporter,
    check: bool = True,
) -> Path:
    """Write the release of these predictions to `out`.

    All inputs are checked before anything is written. Files are memory-mapped; peak memory is bounded by the pairs of
    a class and does not grow with the number of trials.

    Args:
        inputs: arrays or files.
        name: of the release.
        out: a new or empty folder, or one with a release of this name.
        influence: `class` or `full`.
        estimators: names of estimators to use beside `plain`.
        reporter: receives progress and notes.
        check: whether Great Expectations, if installed, checks the tables; `manifest.validation` is null if they were
            not checked.

    Returns:
        The absolute path of `out`.

    Raises:
        InputError: a file is missing or damaged, arrays do not fit together or are not binary, or `out` is in use.
    """
    checked_name(name)
    if influence not in set(Scope):
        raise InputError(
            f"Command cannot be run: --influence is {influence!r}, expected {' or '.join(Scope)}.",
            hint="`class` counts pairs of one class, `full` all pairs.",
        )
    scope = Scope(influence)
    loaded = load_estimators(estimators)
    require_outcomes(loaded, [REQUIRED], source="predictions made elsewhere")
    earlier = check_folder(out, name=name)
    predictions = Predictions.open(inputs)
    labels = (predictions.train_labels, predictions.test_labels)
    sizes = {"n_train": len(labels[0]), "n_test": len(labels[1])}
    # Imported here, because numba takes a second to load and bad input should be refused at once.
    from mempipe.scores.count import count_blocks, count_examples

    with reporter.stage("checking", total=predictions.n_trials, unit="trials") as advance:
        key, trials = predictions.check(advance)
    thresholds = Thresholds()
    same = (key, str(scope), thresholds, tuple(estimator.NAME for estimator in loaded))
    if earlier is not None and (earlier.key, earlier.influence, earlier.thresholds, earlier.estimators) == same:
        reporter.note(f"{earlier.id}: this release already exists")
        return out.resolve()
    with reporter.stage("counting examples", total=1, unit="passes") as advance:
        examples = count_examples(predictions.batches(), source=key, **sizes)
        advance(1)
    blocks = blocks_of(*labels, scope)
    with reporter.stage("scoring pairs", total=len(blocks), unit="blocks") as advance:

        def tallies() -> Iterator[BlockTally]:
            return track(count_blocks(predictions.batches, blocks, source=key, **sizes), labels[0], advance)

        content = ReleaseContent(
            name=name,
            key=key,
            key_kind="inputs",
            examples=examples,
            blocks=tallies,
            scope=scope,
            train_labels=labels[0],
            test_labels=labels[1],
            class_names=[str(label) for label in range(int(max(part.max() for part in labels)) + 1)],
            trials=trials,
            subsets=SubsetDesign.of_counts(examples.n_in, examples.n_trials),
            data=DataSource(name=name, source="predictions made elsewhere"),
            thresholds=thresholds,
            estimators=loaded,
            batches=predictions.batches,
        )
        with staging_folder(out) as staging:
            expectations = _expectations(examples, thresholds, name, reporter) if check else None
            manifest = write_release(content, staging, check=expectations)
            publish_folder(out, staging, manifest)
    reporter.note(f"{manifest.id}: {manifest.n_trials} trials, {manifest.pairs.n_pairs} high-influence pairs")
    return out.resolve()


def _expectations(examples: ExampleTally, thresholds: Thresholds, name: str, reporter: Reporter) -> Check | None:
    if find_spec("great_expectations") is None:
        reporter.note(
            "Great Expectations is not installed: the tables are not checked (pip install 'mempipe[pipeline]')"
        )
        return None
    from mempipe.steps.publish import check_without_docs  # pandas, which only the check needs

    return check_without_docs(examples, thresholds, name=name)
