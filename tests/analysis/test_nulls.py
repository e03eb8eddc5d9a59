from __future__ import annotations

import numpy as np

from qspin.analysis.nulls import dealt_anew, shuffle_null
from qspin.testing import STANDARD_ERRORS

SPINS = np.random.default_rng(0).choice([-1, 1], size=(200, 1)).astype(np.int8) * np.ones((1, 6), np.int8)


def test_magnetisations_stay_and_correlations_go():
    dealt = dealt_anew(SPINS, np.random.default_rng(1))
    np.testing.assert_array_equal(dealt.sum(axis=0), SPINS.sum(axis=0))
    correlations = np.corrcoef(dealt.T.astype(float))[np.triu_indices(6, 1)]
    assert np.abs(correlations).max() < STANDARD_ERRORS / np.sqrt(200)


def test_the_null_is_a_distribution():
    """Mean of s_0 s_1: its variance over random deals is that of drawing without putting back."""
    mean = float(SPINS[:, 0].mean())
    null = shuffle_null(SPINS, lambda s: (s[:, 0] * s[:, 1]).mean(), 4_000, np.random.default_rng(2))
    variance = (1 - mean**2) ** 2 / (len(SPINS) - 1)
    assert null.shape == (4_000,)
    assert abs(null.mean() - mean**2) < STANDARD_ERRORS * np.sqrt(variance / 4_000)
    assert abs(null.var(ddof=1) / variance - 1) < STANDARD_ERRORS * np.sqrt(2 / 4_000)
