"""`mempipe.run`: the whole pipeline from a script or a notebook, with a trainer that is a function there."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mempipe.errors import InputError
from mempipe.release.load import Release, load_release
from mempipe.spans import Span
from mempipe.spec import Spec, validated
from mempipe.steps.pipeline import run_pipeline
from mempipe.steps.plan import read_document
from mempipe.steps.progress import reporter

if TYPE_CHECKING:
    from mempipe.training.own import Trials


def run(
    spec: str | os.PathLike[str] | Mapping[str, Any],
    *,
    store: str | os.PathLike[str],
    trainer: Callable[[Trials], Any] | None = None,
    trials: int | None = None,
    n_workers: int | None = None,
    name: str | None = None,
) -> Release:
    """Plan, train, validate, aggregate and publish on this machine; run it again to resume or extend.

    Args:
        spec: the spec, as a dictionary, or its path, its URI or the name of one that comes with mempipe.
        store: folder or `gs://` URI that keeps everything.
        trainer: a function as docs/own-trainer.md describes it, which trains all trials in this process. The spec's
            `trainer` then has kind `own` and a version; its entry is the function's module and name.
        trials: how many, from 1; None: as the spec says.
        n_workers: training processes at once; None: one for each core. Not with `trainer`.
        name: of the release; None: the spec's.

    Returns:
        The release.

    Raises:
        SpecError: the spec cannot be run.
        InputError: the function has no name, the spec has another trainer, or `trials` is below 1.
        TrialError: a trial failed.
        MempipeError: another step of the pipeline failed.
    """
    if trials is not None and trials < 1:
        raise InputError(
            f"Trials cannot be trained: trials is {trials}, expected at least 1.",
            hint="leave trials out to train as many as the spec says.",
        )
    source = "spec" if isinstance(spec, Mapping) else os.fspath(spec)
    document = dict(spec) if isinstance(spec, Mapping) else read_document(source)
    if trainer is not None:
        document["trainer"] = _with_entry(document.get("trainer", {}), trainer, source)
        if n_workers is not None:
            raise InputError(
                f"Trials cannot be trained: n_workers is {n_workers}, expected none with a function of this process.",
                hint="leave n_workers out, or name the function in the spec: trainer.entry.",
            )
    return load_release(
        run_pipeline(
            validated(Spec, document, source=source),
            os.fspath(store),
            trials=None if trials is None else Span(0, trials),
            n_workers=n_workers,
            name=name,
            reporter=reporter(),
            function=trainer,
        )
    )


def _with_entry(document: Any, function: Callable[[Trials], Any], source: str) -> dict[str, Any]:
    """Return the spec's `trainer` with the function as its entry."""
    qualname = getattr(function, "__qualname__", "").replace(".<locals>", "")
    if not qualname or "<" in qualname:
        raise InputError(
            f"Trials cannot be trained: the trainer is {function!r}, expected a function with a name.",
            hint="define it with `def`.",
        )
    given = {"kind": "own"} | (document if isinstance(document, dict) else {})
    entry = f"{function.__module__}:{qualname}"
    if given["kind"] != "own" or given.get("command") or given.get("entry", entry) != entry:
        named = given.get("command") or given.get("entry") or given["kind"]
        raise InputError(
            f"Trials cannot be trained: {source} trainer is {named}, expected kind own with no entry or {entry}.",
            hint="leave entry and command out of the spec's trainer, or call `mempipe.run` without a function.",
        )
    return given | {"entry": entry}
