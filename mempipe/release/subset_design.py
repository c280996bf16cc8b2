"""How the subsets of a release's trials were drawn: for its manifest and for comparisons of releases."""

from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from mempipe.spec import Stored


class SubsetDesign(Stored):
    """How the trials' subsets were drawn.

    Attributes:
        design: `unknown` where predictions were made elsewhere.
        ratio: m / n as the spec says it, in decimals; where the design is unknown, the mean share that was seen.
        seed: the run's entropy; None where unknown.
        subset_size: nominal m; None where unknown.
    """

    design: Literal["uniform", "balanced", "unknown"]
    ratio: str | None = None
    seed: int | None = None
    subset_size: int | None = None

    @classmethod
    def of_counts(cls, n_in: NDArray[np.int64], n_trials: int) -> Self:
        """Return what the counts show of subsets that were drawn elsewhere.

        Args:
            n_in: int64 (n_train,); trials that saw each training example.
            n_trials: trials counted.
        """
        return cls(design="unknown", ratio=f"{n_in.mean() / n_trials:.6f}".rstrip("0").rstrip("."))
