"""Kernels that begin as the identity in their first filters (Jordan 2024, arXiv:2404.00498, section 3.3)."""

from typing import Any

import keras


class PartialIdentity(keras.initializers.VarianceScaling):  # type: ignore[misc]
    """The first filters pass their input channel on; the others begin as PyTorch's convolutions do.

    A kernel (k, k, inputs, outputs) of odd k has 1 at its center from channel i to filter i, and else 0 in these
    filters, for all i < min(inputs, outputs). The others are uniform in ±1 / sqrt(k * k * inputs).

    Args:
        seed: of the others.
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(scale=1 / 3, mode="fan_in", distribution="uniform", seed=seed)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Return a kernel."""
        height, width, inputs, outputs = shape
        n = min(inputs, outputs)
        others = super().__call__(shape, dtype)
        identity = keras.ops.one_hot(keras.ops.arange(n), inputs, axis=0, dtype=dtype)  # (inputs, n)
        margins = [(height // 2, height // 2), (width // 2, width // 2), (0, 0), (0, 0)]
        return keras.ops.concatenate([keras.ops.pad(identity[None, None], margins), others[..., n:]], axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {"seed": self._init_seed}
