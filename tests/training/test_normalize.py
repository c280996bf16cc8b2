"""Normalization: known moments, exact for bytes, and no channel divided by zero."""

from typing import Any

import numpy as np
import pytest

from mempipe.training.normalize import fit_normalization


def images(dtype: Any) -> Any:
    values = np.random.default_rng(0).integers(0, 256, (40, 3, 4, 2))
    values[..., 1] //= 4
    return values.astype(dtype)


def test_unit_divides_by_the_largest_pixel() -> None:
    normalized = fit_normalization("unit", images(np.uint8), pixel_max=255.0).apply(images(np.uint8))
    assert normalized.dtype == np.float32
    np.testing.assert_allclose(normalized, images(np.float64) / 255, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_standardize_gives_each_channel_mean_0_and_deviation_1(dtype: Any) -> None:
    normalized = fit_normalization("standardize", images(dtype), pixel_max=255.0).apply(images(dtype))
    assert normalized.dtype == np.float32
    np.testing.assert_allclose(normalized.mean(axis=(0, 1, 2), dtype=np.float64), 0, atol=1e-6)
    np.testing.assert_allclose(normalized.std(axis=(0, 1, 2), dtype=np.float64), 1, atol=1e-6)


def test_bytes_and_floats_agree() -> None:
    one, other = (fit_normalization("standardize", images(dtype), pixel_max=1.0) for dtype in (np.uint8, np.float32))
    np.testing.assert_array_equal(one.shift, other.shift)
    np.testing.assert_allclose(one.scale, other.scale, rtol=1e-7)


def test_blocks_change_nothing_but_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fit_normalization("standardize", images(np.float32), pixel_max=1.0)
    monkeypatch.setattr("mempipe.training.normalize._BLOCK_BYTES", 7 * 16)
    parts = fit_normalization("standardize", images(np.float32), pixel_max=1.0)
    np.testing.assert_allclose(parts.scale, whole.scale, rtol=1e-6)


def test_blocks_of_bytes_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fit_normalization("standardize", images(np.uint8), pixel_max=1.0)
    monkeypatch.setattr("mempipe.training.normalize._BLOCK_BYTES", 7 * 16)
    parts = fit_normalization("standardize", images(np.uint8), pixel_max=1.0)
    assert (parts.shift.tobytes(), parts.scale.tobytes()) == (whole.shift.tobytes(), whole.scale.tobytes())


@pytest.mark.parametrize(("dtype", "value"), [(np.uint8, 7), (np.float32, 0.1)])
def test_a_constant_channel_becomes_0(dtype: Any, value: float) -> None:
    constant = np.full((30, 2, 2, 1), value, dtype=dtype)
    normalization = fit_normalization("standardize", constant, pixel_max=1.0)
    assert normalization.scale.tolist() == [1.0]
    np.testing.assert_allclose(normalization.apply(constant), 0, atol=1e-6)
