"""The run key: a hash of what changes results.

Two specs with the same run key give the same trials. How many trials, in which chunks, on which machine and in which
store is not part of the key, so a run can be extended, resumed and moved.
"""

import hashlib
import json
from typing import Any, Final

from mempipe.spec.spec import Spec
from mempipe.spec.trainers import UNKEYED

NUMERICS_VERSION: Final = 1
"""Raised whenever a change of the code alters a result: trials of different versions never mix."""

_LATER_KEYS: Final[tuple[tuple[str, str, object], ...]] = (
    ("recipe.augmentation", "crop_fill", "zeros"),
    ("recipe.augmentation", "cutout", 0),
    ("recipe", "augmentation", {"crop_padding": 0, "flip": False}),
    ("recipe", "decay_scope", "kernels"),
    ("recipe", "bias_rate", 1.0),
    ("recipe", "label_smoothing", 0.0),
    ("recipe", "sizes", []),
    ("recipe", "evaluation", {"flip": False}),
    ("trainer", "replicas", 1),
    ("subsets", "removed", ""),
)
"""Part, key and default in JSON of the keys that were added after the first runs; the defaults here never change.

A part within a part comes before the part that holds it.
"""


def run_key(spec: Spec, *, data_fingerprint: str) -> str:
    """Return the run key: SHA-256 (hex) of what changes a trial's bytes.

    A key that was added to the spec later is left out while it has its default, which is the behavior of earlier
    versions: old runs keep their run keys.

    Args:
        spec: a resolved spec: the parameters of its model are complete.
        data_fingerprint: content and order of the data set.

    Raises:
        SpecError: the spec leaves the choice of the trainer to a plan.
    """
    parts: dict[str, Any] = {
        "numerics_version": NUMERICS_VERSION,
        "data_fingerprint": data_fingerprint,
        "model": spec.model and spec.model.model_dump(mode="json"),
        "recipe": spec.recipe and spec.recipe.model_dump(mode="json"),
        "trainer": spec.named_trainer.model_dump(mode="json", exclude=set(UNKEYED)),
        "precision": spec.precision,
        "subsets": spec.subsets.model_dump(mode="json"),
        "seed": spec.seed,
    }
    for path, key, default in _LATER_KEYS:
        part = _part(parts, path)
        if part is not None and part.get(key) == default:
            del part[key]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _part(parts: dict[str, Any], path: str) -> dict[str, Any] | None:
    """Return the part of a path such as `recipe.augmentation`; None where the spec has none."""
    part: dict[str, Any] | None = parts
    for name in path.split("."):
        part = part and part.get(name)
    return part
