"""Spectra of random matrices: closed forms, quantiles from the literature, and sampled matrices."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from qspin.errors import InputError
from qspin.theory import largest_eigenvalue, marchenko_pastur, spiked_eigenvalue, tracy_widom


class TestMarchenkoPastur:
    @pytest.mark.parametrize("ratio", [0.05, 0.5, 1.0, 2.5])
    def test_moments(self, ratio):
        """1, 1 + q and 1 + 3q + q^2 for variance 1; powers of the variance for others (Catalan-like sums)."""
        law = marchenko_pastur(ratio, variance=1.7, n_points=20_001)
        x, weight = law.eigenvalue.values, np.diff(law.cdf.values)
        middle = (x[1:] + x[:-1]) / 2
        moments = [float((weight * middle**k).sum()) / 1.7**k for k in (1, 2, 3)]
        np.testing.assert_allclose(moments, [1, 1 + ratio, 1 + 3 * ratio + ratio**2], rtol=1e-4)
        assert law.cdf.values[-1] + law.attrs["weight_at_zero"] == pytest.approx(1)

    def test_the_cumulative_is_the_integral_of_the_density(self):
        law = marchenko_pastur(0.3, n_points=4001)
        integral = integrate.cumulative_trapezoid(law.density, law.eigenvalue, initial=0)
        np.testing.assert_allclose(integral, law.cdf, atol=1e-6)

    def test_sampled_matrices_follow_it(self):
        """Uniform entries: eigenvalues of one large matrix at the quantiles of the law."""
        rng = np.random.default_rng(1)
        w = rng.uniform(-1, 1, size=(400, 200))
        found = np.linalg.svd(w, compute_uv=False) ** 2 / 400
        law = marchenko_pastur(0.5, variance=1 / 3)
        at = np.interp(np.sort(found), law.eigenvalue, law.cdf)
        assert np.abs(at - (np.arange(200) + 0.5) / 200).max() < 0.02  # eigenvalues repel: rigid to ln n / n


class TestTracyWidom:
    def test_quantiles_of_the_literature(self):
        """Bejan 2005, table 1: of 1, 5, 50, 95 and 99 %."""
        found = tracy_widom([-3.8954, -3.1804, -1.26857, 0.97931, 2.02345])
        np.testing.assert_allclose(found.cdf, [0.01, 0.05, 0.5, 0.95, 0.99], atol=2e-5)

    def test_moments(self):
        """Mean -1.2065336 and variance 1.6077810 (Bornemann 2010)."""
        x = np.linspace(-10, 12, 221)
        above = tracy_widom(x).exceedance.values
        mean = -10 + integrate.simpson(above, x=x)
        second = 100 + 2 * integrate.simpson(x * above, x=x)
        assert mean == pytest.approx(-1.2065335745820, abs=1e-6)
        assert second - mean**2 == pytest.approx(1.607781034581, abs=1e-5)

    def test_the_tail_goes_on_where_rounding_would_end_it(self):
        x = np.array([3.999999, 4.000001])
        near = tracy_widom(x).exceedance.values
        assert near[0] == pytest.approx(near[1], rel=1e-5)
        far = tracy_widom([20.0]).exceedance.values[0]
        from scipy.special import airy

        leading = 0.5 * integrate.quad(lambda t: airy(t)[0], 20, 40)[0]
        assert far == pytest.approx(leading, rel=1e-6)

    @pytest.mark.parametrize("x", [[-11.0], [np.nan], [[0.0]]])
    def test_what_it_does_not_take(self, x):
        with pytest.raises(InputError, match="finite values from -10 on"):
            tracy_widom(x)


@pytest.mark.parametrize("shape", [(64, 32), (10, 32)])
def test_largest_eigenvalues_of_sampled_matrices(shape):
    """p-values of 300 random matrices, wide or tall, are uniform; of uniform entries none is too small."""
    rng = np.random.default_rng(7)
    p = {}
    for name, stack, variance in (
        ("normal", rng.normal(size=(300, *shape)), 1.0),
        ("uniform", rng.uniform(-1, 1, size=(300, *shape)), 1 / 3),
    ):
        largest = np.linalg.svd(stack, compute_uv=False)[:, 0] ** 2 / max(shape)
        p[name] = largest_eigenvalue(*shape, largest, variance).exceedance.values
    assert stats.kstest(p["normal"], "uniform").pvalue > 1e-3
    for level in (0.05, 0.2):
        tolerance = 4 * np.sqrt(level * (1 - level) / 300)
        assert abs((p["normal"] <= level).mean() - level) < tolerance
        assert (p["uniform"] <= level).mean() < level + tolerance


class TestSpikes:
    def test_sampled_matrices_have_them_where_told(self):
        rng = np.random.default_rng(3)
        n, p = 600, 180
        u, w = np.ones(n) / np.sqrt(n), np.ones(p) / np.sqrt(p)
        law = spiked_eigenvalue([0.4, 1.0, 2.0], p / n)
        for k, theta in enumerate(law.strength.values):
            noisy = rng.normal(size=(n, p)) + theta * np.sqrt(n) * np.outer(u, w)
            left, s, right = np.linalg.svd(noisy, full_matrices=False)
            assert s[0] ** 2 / n == pytest.approx(float(law.eigenvalue[k]), rel=0.05)
            overlaps = (left[:, 0] @ u) ** 2, (right[0] @ w) ** 2
            expected = float(law.overlap_long[k]), float(law.overlap_short[k])
            np.testing.assert_allclose(overlaps, expected, atol=0.1)
        assert law.is_outlier.values.tolist() == [False, True, True]

    def test_it_leaves_the_edge_continuously(self):
        threshold = 0.3**0.25
        law = spiked_eigenvalue([threshold, threshold * (1 + 1e-6)], 0.3, variance=2.0)
        assert law.attrs["threshold"] == threshold
        edge = marchenko_pastur(0.3, 2.0).attrs["upper"]
        np.testing.assert_allclose(law.eigenvalue, edge, rtol=1e-9)
        np.testing.assert_allclose(law.overlap_short, 0, atol=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: marchenko_pastur(0.0), "the ratio must be positive; got 0"),
        (lambda: marchenko_pastur(0.5, variance=-1), "the variance must be positive; got -1"),
        (lambda: spiked_eigenvalue([1.0], 1.5), "at most 1; got"),
        (lambda: spiked_eigenvalue([-1.0], 0.5), "strength takes one or several finite values of 0 or more"),
        (lambda: largest_eigenvalue(1, 5, [1.0]), "n_rows must be at least 2"),
        (lambda: largest_eigenvalue(5, 5, [-1.0]), "finite eigenvalues >= 0"),
    ],
)
def test_what_is_no_matrix(call, message):
    with pytest.raises(InputError, match=message):
        call()
