"""Double descent against integrals, a published closed form, and formulas where they are simple."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from qspin.errors import InputError
from qspin.remarks import remarks_of
from qspin.theory import linear_double_descent, random_feature_double_descent
from qspin.theory.activations import activation_of


def marchenko_pastur(ratio, function):
    """Mean of a function over the law of X^T X / P, N / P = ratio."""
    low, high = (1 - np.sqrt(ratio)) ** 2, (1 + np.sqrt(ratio)) ** 2
    value, _ = quad(
        lambda s: function(s) * np.sqrt((high - s) * (s - low)) / (2 * np.pi * ratio * s),
        low, high, limit=400, epsabs=1e-12,
    )  # fmt: skip
    return value + max(0.0, 1 - 1 / ratio) * function(0.0)


def mei_montanari(features, samples, ridge, slope, rest):
    """What multiplies signal^2 and noise^2 in the excess risk: Theorem 1 of arXiv:1908.05355, features and
    samples for each input, nu_1 and nu_2 on the imaginary axis by iteration."""
    zeta = slope**2 / rest  # squared
    x = np.sqrt(features * samples * ridge / rest)
    a = b = 1e-3
    for _ in range(200_000):
        new_a = features / (x + b + zeta * b / (1 + zeta * a * b))
        new_b = samples / (x + a + zeta * a / (1 + zeta * a * b))
        done = abs(new_a - a) < 1e-14 * a and abs(new_b - b) < 1e-14 * b
        a, b = (a + new_a) / 2, (b + new_b) / 2
        if done:
            break
    p, q, c, z = features, samples, -a * b, np.sqrt(zeta)
    below = (
        -(c**5) * z**6 + 3 * c**4 * z**4 + (p * q - q - p + 1) * c**3 * z**6 - 2 * c**3 * z**4
        - 3 * c**3 * z**2
        + (p + q - 3 * p * q + 1) * c**2 * z**4 + 2 * c**2 * z**2 + c**2 + 3 * p * q * c * z**2 - p * q
    )  # fmt: skip
    bias = q * c**3 * z**4 - q * c**2 * z**2 + p * q * c * z**2 - p * q
    variance = (
        c**5 * z**6 - 3 * c**4 * z**4 + (p - 1) * c**3 * z**6 + 2 * c**3 * z**4 + 3 * c**3 * z**2
        + (-p - 1) * c**2 * z**4 - 2 * c**2 * z**2 - c**2
    )  # fmt: skip
    return bias / below, variance / below


class TestLinear:
    def test_without_a_ridge(self):
        ratios = np.array([0.1, 0.5, 0.9, 1.5, 4.0])
        found = linear_double_descent(ratios, signal=1.5, noise=0.4)
        below, above = 0.16 * ratios / (1 - ratios), 2.25 * (1 - 1 / ratios) + 0.16 / (ratios - 1)
        np.testing.assert_allclose(found.excess_risk, np.where(ratios < 1, below, above), rtol=1e-12)
        np.testing.assert_allclose(found.train_error, 0.16 * np.maximum(1 - ratios, 0), atol=1e-12)
        np.testing.assert_allclose(found.bias, 2.25 * np.maximum(1 - 1 / ratios, 0) ** 2, atol=1e-12)
        np.testing.assert_allclose(found.bias + found.variance + 0.16, found.test_error)

    @pytest.mark.parametrize("ratio", [0.3, 1.0, 2.5])
    @pytest.mark.parametrize("ridge", [0.02, 0.7, 5.0])
    def test_with_a_ridge(self, ratio, ridge):
        """Sums over the eigenvalues s of X^T X / P, of the weights and of the noise apart."""
        found = linear_double_descent(ratio, ridge=ridge, signal=1.5, noise=0.4)
        shift = ridge * ratio  # of X^T X / P
        left = marchenko_pastur(ratio, lambda s: (shift / (s + shift)) ** 2)
        spread = ratio * marchenko_pastur(ratio, lambda s: s / (s + shift) ** 2)
        missed = marchenko_pastur(ratio, lambda s: s * (shift / (s + shift)) ** 2)
        kept = 1 - ratio + ratio * marchenko_pastur(ratio, lambda s: (shift / (s + shift)) ** 2)
        assert float(found.excess_risk[0]) == pytest.approx(2.25 * left + 0.16 * spread, rel=1e-7)
        assert float(found.train_error[0]) == pytest.approx(2.25 * missed + 0.16 * kept, rel=1e-7)
        mean = marchenko_pastur(ratio, lambda s: shift / (s + shift))
        assert float(found.bias[0]) == pytest.approx(2.25 * mean**2, rel=1e-7)

    def test_the_threshold_diverges_and_says_so(self):
        found = linear_double_descent([0.5, 1.0], noise=0.1)
        assert np.isinf(found.test_error.values).tolist() == [False, True]
        assert found.train_error.values[1] == 0
        assert [remark.code for remark in remarks_of(found.attrs)] == ["interpolation-threshold"]
        assert not remarks_of(linear_double_descent([0.5, 1.0], noise=0.1, ridge=0.1).attrs)
        assert float(linear_double_descent(1.0).excess_risk[0]) == 0


class TestRandomFeatures:
    @pytest.mark.parametrize("name", ["erf", "relu", "sign"])
    @pytest.mark.parametrize("features", [0.5, 1.0, 3.0])
    def test_against_the_closed_form(self, name, features):
        """Of Mei and Montanari, whose ridge is ours for each of 1 / P and D."""
        sigma = activation_of(name)
        for inputs, ridge in ((0.4, 1e-3), (0.4, 0.3), (1.5, 0.05)):
            found = random_feature_double_descent(
                features, inputs, activation=name, ridge=ridge, signal=1.2, noise=0.3
            )
            bias, variance = mei_montanari(
                features / inputs, 1 / inputs, ridge * inputs, sigma.slope, sigma.rest
            )
            expected = 1.44 * bias + 0.09 * variance
            assert float(found.excess_risk[0]) == pytest.approx(expected, rel=1e-6)

    def test_small_ridges_approach_none(self):
        ratios = [0.3, 0.9, 1.2, 3.0]
        for name, teacher in (("erf", "linear"), ("relu", "features"), ("linear", "linear")):
            none, small = (
                random_feature_double_descent(
                    ratios, 0.5, activation=name, teacher=teacher, noise=0.3, ridge=ridge
                )
                for ridge in (0.0, 1e-9)
            )
            for quantity in none:
                np.testing.assert_allclose(small[quantity], none[quantity], rtol=1e-5, atol=1e-8)

    def test_very_many_linear_features_are_the_inputs(self):
        for ridge in (0.0, 0.3):
            many = random_feature_double_descent(1e7, 0.4, activation="linear", ridge=ridge, noise=0.5)
            inputs = linear_double_descent(0.4, ridge=ridge, noise=0.5)
            for name in inputs:
                np.testing.assert_allclose(many[name].values, inputs[name].values, rtol=1e-5, atol=1e-8)

    def test_a_teacher_on_the_features_has_no_bias_where_samples_are_enough(self):
        found = random_feature_double_descent([0.3, 0.8, 2.0], 0.5, teacher="features", noise=0.2)
        np.testing.assert_allclose(found.bias[:2], 0, atol=1e-12)
        np.testing.assert_allclose(found.excess_risk[:2], 0.04 * np.array([0.3 / 0.7, 0.8 / 0.2]))
        assert float(found.bias[2]) > 0.01

    @pytest.mark.parametrize("name", ["linear", "relu"])
    @pytest.mark.parametrize("ridge", [0.0, 1e-12, 1e12])
    def test_extremes_are_limits_and_no_rounding(self, name, ridge):
        ratios = np.array([1e-9, 1 - 1e-9, 1.0, 1 + 1e-9, 1e9, 1e12])
        for inputs in (1e-9, 1.0, 1e9):
            found = random_feature_double_descent(ratios, inputs, activation=name, ridge=ridge, noise=0.3)
            for quantity in found.data_vars.values():
                assert (quantity >= 0).all()
            np.testing.assert_allclose(found.test_error[-1], found.test_error[-2], rtol=1e-6)

    def test_it_descends_twice(self):
        found = random_feature_double_descent(np.linspace(0.1, 3, 59), 0.5, ridge=1e-4, noise=0.3)
        peak = int(found.test_error.values.argmax())
        assert found.features_per_sample.values[peak] == pytest.approx(1, abs=0.06)
        assert found.test_error.values[-1] < found.test_error.values[: peak - 1].min()
        assert found.attrs["valid"]


@pytest.mark.parametrize(
    ("name", "slope", "rest"),
    [
        ("erf", 2 / np.sqrt(3 * np.pi), 2 / np.pi * np.arcsin(2 / 3) - 4 / (3 * np.pi)),
        ("linear", 1.0, 0.0),
        ("relu", 0.5, 0.25 - 1 / (2 * np.pi)),
        ("sign", np.sqrt(2 / np.pi), 1 - 2 / np.pi),
    ],
)
def test_parts_of_activations(name, slope, rest):
    sigma = activation_of(name)
    assert (sigma.slope, sigma.rest) == pytest.approx((slope, rest), abs=1e-12)
    assert sigma.mean == pytest.approx(1 / np.sqrt(2 * np.pi) if name == "relu" else 0, abs=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: linear_double_descent([0.5, 0.0]), "features_per_sample must be positive and finite"),
        (lambda: linear_double_descent([]), "features_per_sample must be positive and finite"),
        (lambda: linear_double_descent("half"), "must be real numbers"),
        (lambda: linear_double_descent(0.5, ridge=-1), "ridge must not be negative; got -1"),
        (lambda: linear_double_descent(0.5, noise=np.nan), "noise must be finite"),
        (lambda: random_feature_double_descent(0.5, -1.0), "inputs_per_sample must be positive"),
        (
            lambda: random_feature_double_descent(0.5, [1.0, 2.0]),
            "inputs_per_sample must be one finite number; got",
        ),
        (lambda: random_feature_double_descent(0.5, 1.0, activation="gelu"), "no activation 'gelu'"),
        (
            lambda: random_feature_double_descent(0.5, 1.0, teacher="deep"),
            "'linear' or 'features'; got 'deep'",
        ),
    ],
)
def test_what_is_no_regression(call, message):
    with pytest.raises(InputError, match=message):
        call()
