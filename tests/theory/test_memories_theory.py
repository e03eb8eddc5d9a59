"""Capacities of memories against stored patterns and sums over random ones."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from qspin.errors import InputError
from qspin.instances.pseudo_inverse import projected
from qspin.theory import dense_memory, log_sum_exp_memory, pseudo_inverse_memory


def test_pseudo_inverse_against_its_couplings():
    n, load = 400, 0.3
    rng = np.random.default_rng(2)
    patterns = rng.choice([-1, 1], size=(round(load * n), n))
    couplings = np.asarray(projected(patterns).couplings)
    fields = -patterns[0] * (couplings @ patterns[0])
    found = pseudo_inverse_memory(load)
    assert fields.mean() == pytest.approx(float(found.field[0]), abs=1e-9)
    lengths = np.linalg.norm(couplings, axis=1)
    assert (fields / lengths).mean() == pytest.approx(float(found.stability[0]), rel=0.01)
    assert patterns[0] @ couplings @ patterns[0] / (2 * n) == pytest.approx(float(found.energy[0]))
    assert pseudo_inverse_memory(1.2).field.values.tolist() == [0.0]


def test_dense_memories_make_the_published_errors():
    found = dense_memory(100, 3, [500, 1000])
    assert_allclose(found.bit_error_estimate, [0.0055, 0.041], atol=4e-4)
    assert found.attrs["capacity"] == pytest.approx(100**2 / (2 * 3 * np.log(100)))
    many = dense_memory(10**4, 100, 1e45)  # 10^396 is no number in double precision
    log_room = 99 * np.log(1e4) - np.log(np.arange(3, 198, 2)).sum()
    assert np.log(float(many.signal_to_noise[0])) == pytest.approx((log_room - 45 * np.log(10)) / 2)
    hopfield = dense_memory(1000, 2, 100)
    assert float(hopfield.signal_to_noise[0]) == pytest.approx(np.sqrt(10))


def test_dense_memories_against_patterns():
    """Bits of 100 that flip at once from a stored pattern, within four standard errors."""
    n, k, flips, tried = 100, 1000, 0, 0
    rng = np.random.default_rng(4)
    for _ in range(10):
        patterns = rng.choice([-1.0, 1.0], size=(k, n))
        for one in patterns[:10]:
            overlaps = patterns @ one
            without = overlaps[:, None] - patterns * one
            gain = ((without + patterns * one) ** 3 - (without - patterns * one) ** 3).sum(axis=0)
            flips, tried = flips + int((gain < 0).sum()), tried + n
    expected = float(dense_memory(n, 3, k).bit_error[0])
    assert flips / tried == pytest.approx(expected, abs=4 * np.sqrt(expected / tried))


class TestLogSumExp:
    def test_capacity(self):
        found = log_sum_exp_memory([0.5, 1.0, 3.0])
        assert_allclose(found.capacity, [0.375, 0.5, 0.5])
        binary = log_sum_exp_memory([0.01, 0.5, 40.0], "binary").capacity.values
        assert_allclose(binary, [0.00995, 0.5 - np.log(np.cosh(0.5)), np.log(2)], atol=1e-6)

    @pytest.mark.parametrize("patterns", ["gaussian", "binary"])
    def test_the_sum_over_other_patterns(self, patterns):
        """It passes exp(lambda N) at the capacity: 2^18 overlaps, N such that this is their load."""
        rng, n_patterns = np.random.default_rng(1), 2**18
        for strength in (0.3, 0.5):
            capacity = float(log_sum_exp_memory(strength, patterns).capacity[0])
            n = round(np.log(n_patterns) / capacity)
            signs = 2.0 * rng.binomial(n, 0.5, n_patterns) - n
            overlaps = rng.normal(0, np.sqrt(n), n_patterns) if patterns == "gaussian" else signs
            others = np.logaddexp.reduce(strength * overlaps) / n
            assert others == pytest.approx(strength, abs=0.01)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pseudo_inverse_memory(0.0), "load takes one or several finite values above 0"),
        (lambda: dense_memory(100, 1, 5), "degree must be at least 2; got 1"),
        (lambda: dense_memory(100, 3, [0]), "n_patterns takes one or several finite values above 0"),
        (lambda: log_sum_exp_memory(0.5, "gausian"), "did you mean 'gaussian'"),
    ],
)
def test_what_is_no_memory(call, message):
    with pytest.raises(InputError, match=message):
        call()
