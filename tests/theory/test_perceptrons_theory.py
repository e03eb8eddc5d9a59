"""Perceptrons: known capacities, learning curves against limits and derivatives, solutions of instances."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import linprog
from scipy.special import ndtr

from qspin.errors import InputError
from qspin.remarks import remarks_of
from qspin.theory import (
    decimated_perceptron,
    perceptron_capacity,
    symmetric_perceptron_capacity,
    teacher_student,
)


class TestCapacity:
    def test_spherical(self):
        assert_allclose(perceptron_capacity([0, 0.5, 1.0]).capacity, [2, 0.96121, 0.51957], atol=6e-6)
        z = np.linspace(-0.7, 10, 200_001)
        moment = np.trapezoid((z + 0.7) ** 2 * np.exp(-(z**2) / 2), z) / np.sqrt(2 * np.pi)
        assert float(perceptron_capacity(0.7).capacity[0]) == pytest.approx(1 / moment, rel=1e-6)

    def test_binary(self):
        found = perceptron_capacity(weights="binary")
        assert float(found.capacity[0]) == pytest.approx(0.83308, abs=6e-6)
        assert float(found.overlap[0]) == pytest.approx(0.564, abs=5e-4)
        assert (np.diff(perceptron_capacity([0, 0.5, 1.0], "binary").capacity) < 0).all()

    def test_symmetric(self):
        found = symmetric_perceptron_capacity([1.0, 30.0])
        assert float(found.capacity[0]) == pytest.approx(1.815875, abs=6e-7)
        assert float(found.capacity[1]) > 1e100

    def test_bias(self):
        """Sparse patterns hold more: as 1 / ((1 - m) |ln(1 - m)|) and more for m -> 1 (Gardner 1988)."""
        none, some, same, most = (perceptron_capacity(bias=m).capacity.item() for m in (0, 0.5, -0.5, 0.999))
        assert none == 2 < some == pytest.approx(same)
        assert 1 < most * 0.001 * np.log(1000) < 2

    def test_bias_against_instances(self):
        """Linear programs tell whether patterns of bias 0.8 are held, up to 3.9: without it loads of 3 are
        not, nor those of 5 with it."""
        rng, n, held = np.random.default_rng(3), 60, []
        for bias, load in ((0.8, 3.0), (0.8, 5.0), (0.0, 3.0)):
            xi, labels = (np.where(rng.random(shape) < (1 + bias) / 2, 1.0, -1.0)
                          for shape in ((round(load * n), n), round(load * n)))  # fmt: skip
            rows = -xi * labels[:, None]
            held.append(linprog(np.zeros(n), rows, -np.ones(len(xi)), bounds=(None, None)).status == 0)
        assert held == [True, False, False]

    def test_margins_below_zero_are_remarked_upon(self):
        assert remarks_of(perceptron_capacity([-0.5, 1.0]).attrs)[0].code == "replica-symmetry-broken"
        assert remarks_of(perceptron_capacity().attrs) == []


class TestLearning:
    def test_the_transition_of_binary_weights(self):
        found = teacher_student([1.24, 1.25, 1.49, 1.5])
        assert found.attrs["transition_load"] == pytest.approx(1.2447, abs=5e-5)
        assert found.attrs["spinodal_load"] == pytest.approx(1.4926, abs=5e-5)
        assert found.overlap.values[0] < 0.7
        assert_allclose(found.generalisation_error[1:], 0)
        assert np.isfinite(found.overlap_metastable.values).tolist() == [True, True, True, False]

    def test_the_entropy_falls_by_what_a_label_tells(self):
        """dS/d alpha = 2 E[H ln H], the entropy of a label, with R held; ln 2 at first."""
        step = 1e-4
        found = teacher_student([0.0, step, 0.8 - step, 0.8, 0.8 + step])
        entropy, overlap = found.entropy.values, float(found.overlap[3])
        assert (entropy[1] - entropy[0]) / step == pytest.approx(-np.log(2), abs=1e-3)
        z = np.linspace(-8, 8, 100_001)
        weights = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
        p = ndtr(np.sqrt(overlap / (1 - overlap)) * z)
        label = 2 * weights @ (p * np.log(p))
        assert (entropy[4] - entropy[2]) / (2 * step) == pytest.approx(label, abs=1e-5)

    def test_spherical_weights(self):
        """0.625 / alpha, and 0.442 / alpha of Bayes (Gyorgyi, Tishby 1990; Opper, Haussler 1991)."""
        found = teacher_student([0.0, 500.0], "spherical")
        assert float(found.generalisation_error[0]) == pytest.approx(0.5)
        assert float(found.generalisation_error[1]) * 500 == pytest.approx(0.625, abs=1e-3)
        assert float(found.generalisation_error_bayes[1]) * 500 == pytest.approx(0.442, abs=1e-3)

    def test_binary_weights_against_all_students(self):
        """N = 15, load 2/3: mean overlap of students with the teacher over 60 sets of patterns."""
        n, rng = 15, np.random.default_rng(8)
        students = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
        overlaps = []
        for _ in range(60):
            xi = rng.choice([-1, 1], size=(10, n))
            good = ((students @ xi.T) * np.sign(xi.sum(axis=1)) > 0).all(axis=1)
            overlaps.append(students[good].mean())  # the teacher is all ones
        error = np.std(overlaps) / np.sqrt(60)
        expected = float(teacher_student(10 / 15).overlap[0])
        assert np.mean(overlaps) == pytest.approx(expected, abs=4 * error + 1 / n)


class TestDecimation:
    @pytest.mark.parametrize("load", [0.3, 0.5])
    def test_it_finds_solutions(self, load):
        patterns = np.random.default_rng(1).choice([-1, 1], size=(round(load * 101), 101))
        found = decimated_perceptron(patterns, attempts=2, seed=1)
        assert found.solved.any()
        assert found.attrs["success_rate"] == found.solved.values.mean()
        least = (found.weights.values.astype(int) @ patterns.T).min(axis=1)
        assert ((least > 0) == found.solved.values).all()
        assert set(np.unique(found.weights)) == {-1, 1}
        again = decimated_perceptron(patterns, attempts=2, seed=1)
        assert (again.weights == found.weights).all()
        assert (found.weights[0] != found.weights[1]).any()

    def test_where_there_are_none(self):
        pattern = np.random.default_rng(2).choice([-1, 1], size=(1, 21))
        found = decimated_perceptron(np.concatenate([pattern, -pattern]), seed=0)
        assert found.violated.values.tolist() == [1]
        assert found.attrs["success_rate"] == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: perceptron_capacity(np.inf), "margin takes one or several finite values"),
        (lambda: perceptron_capacity(6.0), "margin takes one or several finite values from -5 to 5; got 6.0"),
        (lambda: perceptron_capacity(bias=1.0), "bias takes -1 to 1 without its ends; got 1"),
        (lambda: perceptron_capacity(weights="binry"), "did you mean 'binary'"),
        (lambda: perceptron_capacity(weights="binary", bias=0.2), "bias is for spherical weights"),
        (lambda: symmetric_perceptron_capacity(0.0), "kappa takes one or several finite values above 0"),
        (lambda: teacher_student(-1.0), "load takes one or several finite values from 0 to 1000"),
        (lambda: teacher_student(2e3), "load takes one or several finite values from 0 to 1000; got 2000.0"),
        (lambda: teacher_student(0.5, "ternary"), "Valid names: binary, spherical"),
        (lambda: decimated_perceptron(np.ones((2, 4)), seed=1), "takes an odd number of weights; got 4"),
        (lambda: decimated_perceptron(np.zeros((2, 5)), seed=1), "must be -1 or"),
        (lambda: decimated_perceptron(np.ones((2, 5)), share=0, seed=1), "share of the weights"),
    ],
)
def test_what_is_no_perceptron(call, message):
    with pytest.raises(InputError, match=message):
        call()
