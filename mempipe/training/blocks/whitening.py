"""The first convolution of fast networks: frozen, it whitens small patches (Page 2018; Jordan 2024, section 3.2)."""

from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

SIDE: Final = 2
"""Of a patch, in pixels."""
EPSILON: Final = 5e-4
"""Added to each eigenvalue; both as in Jordan 2024."""


class PatchWhitening(keras.layers.Layer):  # type: ignore[misc]
    """A convolution without padding whose kernel is not trained.

    Its kernel is zero until `mempipe.training.whitening` gives it the whitening of a data set: with the eigenvectors
    e_i and eigenvalues l_i of the covariance of all patches (2, 2, c), filter i is e_i / sqrt(l_i + epsilon), and
    filter 4c + i the same with the other sign.
    """

    def build(self, input_shape: Any) -> None:
        """Create the kernel, (2, 2, c, 8c)."""
        channels = input_shape[-1]
        self.kernel_initializer = keras.initializers.Zeros()
        self.kernel = self.add_weight(
            shape=(SIDE, SIDE, channels, 2 * SIDE**2 * channels),
            initializer=self.kernel_initializer,
            trainable=False,
            name="kernel",
        )

    def call(self, inputs: Any) -> Any:
        """Return whitened patches: (n, h, w, c) to (n, h - 1, w - 1, 8c)."""
        return keras.ops.conv(inputs, self.kernel, padding="valid")

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the output."""
        n, height, width, channels = input_shape
        smaller = [side and side - SIDE + 1 for side in (height, width)]
        return (n, *smaller, 2 * SIDE**2 * channels)

    def whiten(self, covariance: NDArray[np.float64]) -> None:
        """Let trials begin with the whitening of a data set.

        Args:
            covariance: (4c, 4c), of patches flattened in the order (row, column, channel).
        """
        values, vectors = np.linalg.eigh(covariance)
        filters = vectors[:, ::-1] / np.sqrt(values[::-1] + EPSILON)
        # The sign of an eigenvector is arbitrary: its largest entry shall be positive.
        filters *= np.sign(filters[np.abs(filters).argmax(axis=0), np.arange(len(covariance))])
        kernel = np.concatenate([filters, -filters], axis=1).reshape(self.kernel.shape)
        self.kernel_initializer = keras.initializers.Constant(kernel.astype(np.float32))
