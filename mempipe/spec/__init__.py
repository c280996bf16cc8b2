"""The spec: what a run estimates, from YAML, unknown keys refused; and the run key, a hash of what changes results."""

from mempipe.spec.documents import (
    Component,
    Document,
    Name,
    Stored,
    Strict,
    checked_name,
    require_known_version,
    validated,
    without_later_keys,
)
from mempipe.spec.key import NUMERICS_VERSION, run_key
from mempipe.spec.read import parse_document, parse_spec
from mempipe.spec.recipe import (
    Augmentation,
    Constant,
    Cosine,
    Evaluation,
    Phase,
    Recipe,
    Triangular,
    WarmupLinear,
    WarmupSteps,
)
from mempipe.spec.spec import MAX_TRIALS, Spec, Subsets
from mempipe.spec.trainers import Ensemble, Fastest, Own, Single

__all__ = [
    "MAX_TRIALS",
    "NUMERICS_VERSION",
    "Augmentation",
    "Component",
    "Constant",
    "Cosine",
    "Document",
    "Ensemble",
    "Evaluation",
    "Fastest",
    "Name",
    "Own",
    "Phase",
    "Recipe",
    "Single",
    "Spec",
    "Stored",
    "Strict",
    "Subsets",
    "Triangular",
    "WarmupLinear",
    "WarmupSteps",
    "checked_name",
    "parse_document",
    "parse_spec",
    "require_known_version",
    "run_key",
    "validated",
    "without_later_keys",
]
