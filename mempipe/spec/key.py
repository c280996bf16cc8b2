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

_LATER_KEYS: Final = (
    ("recipe", "augmentation", {"crop_padding": 0, "flip": False}),
    ("trainer", "replicas", 1),
    ("subsets", "removed", ""),
)
"""Part, key and default in JSON of the keys that were added after the first runs; the defaults here never change."""


def run_key(spec: Spec, *, data_fingerprint: str) -> str:
    """Return the run key: SHA-256 (hex) of what changes a trial's bytes.

    A key that was added to the spec later is left out while it has its default, which is the behavior of earlier
    versions: old runs keep their run keys.

    Args:
        spec: a resolved spec: the parameters of its model are complete.
        data_fingerprint: content and order of the data set.
    """
    parts: dict[str, Any] = {
        "numerics_version": NUMERICS_VERSION,
        "data_fingerprint": data_fingerprint,
        "model": spec.model and spec.model.model_dump(mode="json"),
        "recipe": spec.recipe and spec.recipe.model_dump(mode="json"),
        "trainer": spec.trainer.model_dump(mode="json", exclude=set(UNKEYED)),
        "precision": spec.precision,
        "subsets": spec.subsets.model_dump(mode="json"),
        "seed": spec.seed,
    }
    for part, key, default in _LATER_KEYS:
        if parts[part] is not None and parts[part].get(key) == default:
            del parts[part][key]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
