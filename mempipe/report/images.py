"""Finds the images of the examples, and refuses those of another data set."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mempipe.data.dataset import Dataset
from mempipe.data.fetch import is_remote
from mempipe.data.registry import has_path, load_dataset
from mempipe.errors import DataError, InputError, PluginError, SpecError, StoreError, TransientError
from mempipe.report.content import ReportContent
from mempipe.spec import Component, parse_spec


@dataclass(frozen=True, eq=False)
class FoundImages:
    """Images, or why there are none.

    Attributes:
        dataset: None without images.
        note: one sentence for the page.
    """

    dataset: Dataset | None
    note: str


def find_images(content: ReportContent, path: str | None) -> FoundImages:
    """Load the data set that the scores are of.

    Args:
        content: names the data set, where there was a spec.
        path: the data set's path or URI, or a spec (.yaml) whose `data` says it; None: as the release's spec says.

    Returns:
        The data set; none, with the reason, where it cannot be read and `path` was not given.

    Raises:
        DataError: it is another data set than the scores', or `path` cannot be read.
        InputError: the data set has no path that could be given.
        SpecError: the spec is wrong.
    """
    component = _component(content, path)
    if component is None:
        return FoundImages(None, "No images: the release does not say which data set it is of; give --data PATH.")
    if path is None and ":" in component.name:  # a release of others must not choose what is imported here
        return FoundImages(None, f"No images: {component.name} is code, which only a spec given by --data may name.")
    try:
        dataset = load_dataset(component)
    except (DataError, PluginError, SpecError, StoreError, TransientError) as error:
        if path is not None:
            raise
        return FoundImages(None, f"No images: the data set was not found ({error.message.rstrip('.')}).")
    if path is None and min(dataset.image_shape[:2]) == 1:
        return FoundImages(None, f"No images: the examples of {dataset.name} are features, not pictures.")
    if content.fingerprint is not None:
        if dataset.fingerprint != content.fingerprint:
            raise _refusal(dataset, "fingerprint", dataset.fingerprint, content.fingerprint)
        return FoundImages(dataset, f"Images of {dataset.name}; their fingerprint is the release's.")
    for part, got, wanted in (
        ("training", dataset.train_labels, content.train["label"]),
        ("test", dataset.test_labels, content.test["label"]),
    ):
        if not np.array_equal(got, wanted):
            raise _refusal(dataset, f"{part} labels", *_difference(got, wanted))
    return FoundImages(
        dataset, f"Images of {dataset.name}; the scores carry no fingerprint, so only the labels were compared."
    )


def _component(content: ReportContent, path: str | None) -> Component | None:
    known = content.data
    if path is None:
        return None if known is None else Component.model_validate(known)
    if path.endswith((".yaml", ".yml")) and not is_remote(path):
        try:
            text = Path(path).read_text()
        except OSError as error:
            raise InputError(
                f"Report cannot be made: --data {path} cannot be read ({error.strerror}), expected a spec.",
                hint="give the path of the data set itself, or of a spec.",
            ) from error
        return parse_spec(text, source=path).data
    if known is None:
        kind = "npz" if path.endswith(".npz") else "image_folder"
        return Component.model_validate({"name": kind, "path": path})
    if ":" in known["name"] or not has_path(known["name"]):
        raise InputError(
            f"Report cannot be made: --data is given, expected none for the data set {known['name']}, which has no "
            "path.",
            hint="leave --data away, or give a spec that names the data set.",
        )
    return Component.model_validate({**known, "path": path})


def _refusal(dataset: Dataset, what: str, got: str, wanted: str) -> DataError:
    return DataError(
        f"Images are of another data set: {dataset.name} {what} is {got}, expected {wanted} of the release.",
        hint="give the data set that the scores are of with --data PATH, or none with --no-images.",
    )


def _difference(got: NDArray[Any], wanted: NDArray[Any]) -> tuple[str, str]:
    if got.shape != wanted.shape:
        return f"{got.size} examples", f"{wanted.size}"
    first = int(np.argmax(got != wanted))
    return f"{got[first]} at position {first}", f"{wanted[first]}"
