"""Finds the images or texts of the examples; those of another data set are an error."""

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
class Images:
    """The images and texts, or the reason why there are none.

    Attributes:
        dataset: the data set; None: examples are shown by number and name.
        note: a sentence for the page.
    """

    dataset: Dataset | None
    note: str


def find_images(content: ReportContent, path: str | None) -> Images:
    """Load the data set of the scores.

    Args:
        content: its `data` names the data set, if the release has a spec.
        path: path or URI of the data set, or of a spec (.yaml) that names it; None: as the release's spec says.

    Returns:
        The data set; or None with the reason, if it cannot be read and `path` is None.

    Raises:
        DataError: it is not the data set of the scores, or `path` cannot be read.
        InputError: `path` is given, but this data set has no path.
        SpecError: the spec is invalid.
    """
    component = _component(content, path)
    if component is None:
        return Images(None, "No images: the release does not say which data set it is of; give --data PATH.")
    if path is None and ":" in component.name:  # a release of others must not choose what is imported here
        return Images(None, f"No images: {component.name} is code, which only a spec given by --data may name.")
    try:
        dataset = load_dataset(component)
    except (DataError, PluginError, SpecError, StoreError, TransientError) as error:
        if path is not None:
            raise
        return Images(None, f"No images: the data set was not found ({error.message.rstrip('.')}).")
    if path is None and dataset.image_shape is not None and min(dataset.image_shape[:2]) == 1:
        return Images(None, f"No images: the examples of {dataset.name} are features, not pictures.")
    if not dataset.has_images and dataset.train_texts is None:
        return Images(None, f"No images: the data set {dataset.name} has neither images nor texts.")
    kind = "Images" if dataset.has_images else "Texts"
    if content.fingerprint is not None:
        if dataset.fingerprint != content.fingerprint:
            raise _refusal(dataset, "fingerprint", dataset.fingerprint, content.fingerprint)
        return Images(dataset, f"{kind} of {dataset.name}; their fingerprint is the release's.")
    for part, labels, expected in (
        ("training", dataset.train_labels, content.train["label"]),
        ("test", dataset.test_labels, content.test["label"]),
    ):
        if not np.array_equal(labels, expected):
            raise _refusal(dataset, f"{part} labels", *_difference(labels, expected))
    return Images(
        dataset, f"{kind} of {dataset.name}; the scores carry no fingerprint, so only the labels were compared."
    )


def _component(content: ReportContent, path: str | None) -> Component | None:
    own_data = content.data
    if path is None:
        return None if own_data is None else Component.model_validate(own_data)
    if path.endswith((".yaml", ".yml")) and not is_remote(path):
        try:
            text = Path(path).read_text()
        except OSError as error:
            raise InputError(
                f"Report cannot be made: --data {path} cannot be read ({error.strerror}), expected a spec.",
                hint="give the path of the data set itself, or of a spec.",
            ) from error
        return parse_spec(text, source=path).data
    if own_data is None:
        kind = "npz" if path.endswith(".npz") else "image_folder"
        return Component.model_validate({"name": kind, "path": path})
    if ":" in own_data["name"] or not has_path(own_data["name"]):
        raise InputError(
            f"Report cannot be made: --data is given, expected none for the data set {own_data['name']}, which has no "
            "path.",
            hint="leave out --data, or give a spec that names the data set.",
        )
    return Component.model_validate({**own_data, "path": path})


def _refusal(dataset: Dataset, what: str, got: str, expected: str) -> DataError:
    return DataError(
        f"{'Images' if dataset.has_images else 'Texts'} are of another data set: {dataset.name} {what} is {got}, "
        f"expected {expected} of the release.",
        hint="give the data set of the scores with --data PATH, or --no-images.",
    )


def _difference(got: NDArray[Any], expected: NDArray[Any]) -> tuple[str, str]:
    if got.shape != expected.shape:
        return f"{got.size} examples", f"{expected.size}"
    first = int(np.argmax(got != expected))
    return f"{got[first]} at position {first}", f"{expected[first]}"
