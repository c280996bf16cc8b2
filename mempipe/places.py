"""Names of everything in a store, and the URIs made of them. No other module contains a name or parses a URI.

    runs/<run>/                   run.json, labels.npz, plan.json, shards/, sidecars/, quarantine/, differences/,
                                  validation/, tallies/, features/, checkpoints/
    releases/<name>/              latest.json
    releases/<name>/<id>/         manifest.json, tallies/, tables and arrays
    experiments/<name>/<id>/      results of this release's experiments; plans/
    requests/<request>.json       answers of commands that were run with `--request`
    reports/<name>/<id>/          website of a release

A place is a folder without a final slash, as `Store.child` takes it; a key names one object.
"""

import re
from typing import Final, NamedTuple

from mempipe.errors import InputError
from mempipe.spans import Span

RUNS: Final = "runs/"
RELEASES: Final = "releases/"
EXPERIMENTS: Final = "experiments/"
REQUESTS: Final = "requests/"
REPORTS: Final = "reports/"

# In a run.
RUN_RECORD: Final = "run.json"
LABELS: Final = "labels.npz"
PLAN: Final = "plan.json"
SHARDS: Final = "shards/"
SIDECARS: Final = "sidecars/"
QUARANTINE: Final = "quarantine/"
DIFFERENCES: Final = "differences/"
VALIDATION: Final = "validation/"
FEATURES: Final = "features/"
CHECKPOINTS: Final = "checkpoints/"

# In a run, and in a release.
TALLIES: Final = "tallies"

# Of releases.
MANIFEST: Final = "manifest.json"
LATEST: Final = "latest.json"

# Beside the results of experiments.
PLANS: Final = "plans/"

_DIGITS: Final = 16
_SHARD: Final = re.compile(r"shards/trials=(\d{6,})-(\d{6,})\.npz")
_SIDECAR: Final = re.compile(r"sidecars/trials=(\d{6,})-(\d{6,})-[0-9a-f]{16}\.json")
_CHECKPOINT: Final = re.compile(r"checkpoints/trial=(\d+)/step=(\d+)\.npz")
_RUN_URI: Final = re.compile(r"(.*)/runs/([^/]+)")
_RELEASE_URI: Final = re.compile(r"(.*)/releases/([^/]+)/(\2-[^/]+)")  # an id begins with the name
_RELEASES_URI: Final = re.compile(r"(.*)/releases/([^/]+)")
_RELEASE_KEY: Final = re.compile(r"releases/([^/]+)/(?:([^/]+)/)?([^/]+)")
_RESULT_KEY: Final = re.compile(r"experiments/([^/]+)/([^/]+)/(([^/]+)-[0-9a-f]{12}\.json)")
_RESULT_URI: Final = re.compile(r"(.*)/experiments/([^/]+)/([^/]+)/[^/]+")


class RunAddress(NamedTuple):
    """Where a run is: the URI of its store, and its id there."""

    store: str
    id: str


class ReleaseAddress(NamedTuple):
    """Where a release is: the URI of its store, its name, and its id."""

    store: str
    name: str
    id: str


class ResultKey(NamedTuple):
    """Name and id of the release of a result, the result's key in their place, and its experiment."""

    name: str
    id: str
    key: str
    experiment: str


def parse_run_uri(uri: str) -> RunAddress:
    """Return where a run is.

    Raises:
        InputError: it does not lie in a store.
    """
    match = _RUN_URI.fullmatch(uri.rstrip("/"))
    if match is None:
        raise InputError(
            f"Store is not known: run is {uri}, expected …/{run_place('ID')}.",
            hint="use the URI that `mempipe plan` printed; copy a whole store, not a run of it.",
        )
    return RunAddress(match[1] or "/", match[2])


def parse_release_uri(uri: str) -> ReleaseAddress:
    """Return where a release is.

    Raises:
        InputError: it does not lie in a store.
    """
    match = _RELEASE_URI.fullmatch(uri.rstrip("/"))
    if match is None:
        raise _unknown_store(uri)
    return ReleaseAddress(match[1] or "/", match[2], match[3])


def store_of_releases(uri: str) -> str:
    """Return the URI of the store of a release, or of a name's releases.

    Raises:
        InputError: they do not lie in a store.
    """
    plain = uri.rstrip("/")
    match = _RELEASE_URI.fullmatch(plain) or _RELEASES_URI.fullmatch(plain)
    if match is None:
        raise _unknown_store(uri)
    return match[1] or "/"


def parse_result_uri(uri: str) -> ReleaseAddress:
    """Return where the release of an experiment's result is.

    Raises:
        InputError: the result does not lie in a store.
    """
    match = _RESULT_URI.fullmatch(uri)
    if match is None:
        raise InputError(
            f"Store is not known: result is {uri}, expected …/{results_place('NAME', 'ID')}/RESULT.json.",
            hint="use the URI that `mempipe experiment finish` printed.",
        )
    return ReleaseAddress(match[1] or "/", match[2], match[3])


def parse_run_key(key: str) -> tuple[str, str]:
    """Return (run id, key in the run) of an object below `RUNS` in a store."""
    run_id, _, rest = key.removeprefix(RUNS).partition("/")
    return run_id, rest


def parse_release_key(key: str) -> tuple[str, str | None, str] | None:
    """Return (name, release id, file) of an object below `RELEASES` in a store.

    The id is None for a file beside a name's releases; None for anything deeper in a release.
    """
    match = _RELEASE_KEY.fullmatch(key)
    return None if match is None else (match[1], match[2], match[3])


def parse_result_key(key: str) -> ResultKey | None:
    """Return the parts of the key of a result below `EXPERIMENTS` in a store, None where `key` names no result."""
    match = _RESULT_KEY.fullmatch(key)
    return None if match is None else ResultKey(match[1], match[2], match[3], match[4])


def run_place(run_id: str) -> str:
    """Return the place of a run in its store."""
    return f"{RUNS}{run_id}"


def releases_place(name: str) -> str:
    """Return the place of a name's releases."""
    return f"{RELEASES}{name}"


def release_place(name: str, release_id: str) -> str:
    """Return the place of a release."""
    return f"{releases_place(name)}/{release_id}"


def results_place(name: str, release_id: str) -> str:
    """Return the place of the results of a release's experiments."""
    return f"{EXPERIMENTS}{name}/{release_id}"


def report_place(name: str, release_id: str) -> str:
    """Return the place of a release's website."""
    return f"{REPORTS}{name}/{release_id}"


def request_key(request: str) -> str:
    """Return the key of a request."""
    return f"{REQUESTS}{request}.json"


def result_key(experiment: str, digest: str) -> str:
    """Return the key of a result in its place: equal findings have equal names."""
    return f"{experiment}-{digest[:12]}.json"


def experiment_plan_key(experiment: str, digest: str) -> str:
    """Return the key of an experiment's plan, beside its results."""
    return f"{PLANS}{experiment}-{digest[:12]}.json"


def span_name(span: Span) -> str:
    """Return `trials=000000-000049` (first and last trial)."""
    return f"trials={span.start:06d}-{span.stop - 1:06d}"


def shard_key(span: Span) -> str:
    """Return the key of the shard of these trials in its run, as for all that follow."""
    return f"{SHARDS}{span_name(span)}.npz"


def parse_shard_key(key: str) -> Span | None:
    """Return the trials that a shard's key names, or None where `key` names no shard."""
    match = _SHARD.fullmatch(key)
    if match is None or int(match[2]) < int(match[1]):
        return None
    return Span(int(match[1]), int(match[2]) + 1)


def sidecar_key(span: Span, sha256: str) -> str:
    """Return the key of the sidecar (hardware, versions, timings) of the shard with these bytes."""
    return f"{SIDECARS}{span_name(span)}-{sha256[:_DIGITS]}.json"


def parse_sidecar_key(key: str) -> Span | None:
    """Return the trials of a sidecar's key, or None where `key` names no sidecar."""
    match = _SIDECAR.fullmatch(key)
    return None if match is None else Span(int(match[1]), int(match[2]) + 1)


def quarantine_keys(span: Span, sha256: str) -> tuple[str, str]:
    """Return the keys of a bad shard's bytes and of the record that says why they were moved aside."""
    stem = f"{QUARANTINE}{span_name(span)}-{sha256[:_DIGITS]}"
    return f"{stem}.npz", f"{stem}.json"


def difference_key(span: Span, sha256: str) -> str:
    """Return the key of a shard that was trained again with other bytes than the committed one."""
    return f"{DIFFERENCES}{span_name(span)}-{sha256[:_DIGITS]}.npz"


def checkpoints_prefix(trial: int) -> str:
    """Return what the keys of a trial's checkpoints start with."""
    return f"{CHECKPOINTS}trial={trial:06d}/"


def checkpoint_key(trial: int, step: int) -> str:
    """Return the key of a checkpoint."""
    return f"{checkpoints_prefix(trial)}step={step:09d}.npz"


def parse_checkpoint_key(key: str) -> tuple[int, int] | None:
    """Return (trial, step) of a checkpoint's key, or None where `key` names no checkpoint."""
    match = _CHECKPOINT.fullmatch(key)
    return None if match is None else (int(match[1]), int(match[2]))


def features_place(trial: int) -> str:
    """Return the place of the features that one trial's model computes."""
    return f"{FEATURES}trial={trial:06d}"


def validation_report_key(validation: str) -> str:
    """Return the key of the report of a validation."""
    return f"{VALIDATION}{validation}/report.json"


def quality_key(validation: str, sha256: str) -> str:
    """Return the key of a validation's quality table."""
    return f"{VALIDATION}{validation}/quality-{sha256[:_DIGITS]}.parquet"


def docs_place(validation: str) -> str:
    """Return the place of the Data Docs of a validation."""
    return f"{VALIDATION}{validation}/data_docs"


def tallies_place(span: Span, digest: str) -> str:
    """Return the place of the counts of these trials, as the shards with this digest give them."""
    return f"{TALLIES}/{span_name(span)}-{digest[:12]}"


def published_key(tallies: str, name: str) -> str:
    """Return the key of the note that records which release of this name was made of the tallies in that place."""
    return f"{tallies}/published-{name}.json"


def release_docs_place(tallies: str, name: str) -> str:
    """Return the place of the Data Docs of the release of this name that was made of the tallies in that place."""
    return docs_place(f"{name}-{tallies.removeprefix(f'{TALLIES}/')}")


def _unknown_store(release_uri: str) -> InputError:
    return InputError(
        f"Store is not known: release is {release_uri}, expected …/{release_place('NAME', 'ID')} as published in a "
        "store.",
        hint="name the store by --store.",
    )
