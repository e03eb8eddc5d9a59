"""Draws of a model: the row at beta = 1, and configurations evenly out of it."""

from __future__ import annotations

import numpy as np
import pytest

from qspin.analysis.of_model import draws_at, row_of_model
from qspin.problem import IsingProblem
from qspin.samples import SampleSet

BETAS = [0.5, 1.0]


@pytest.fixture
def samples():
    """Three replicas of four draws of six spins: configuration k of beta = 1 is k in bits, draw by draw."""
    numbers = np.arange(12).reshape(4, 3).T
    bits = (numbers[..., None] >> np.arange(6)) & 1
    spins = np.stack([np.ones_like(bits), 2 * bits - 1])
    return SampleSet.from_spins(IsingProblem(np.zeros((6, 6))), spins, betas=BETAS)


@pytest.mark.parametrize(
    ("betas", "row"), [(BETAS, 1), ([1.0 + 1e-12], 0), ([0.5, 1.0 + 1e-6], None), ([], None)]
)
def test_the_row_of_a_model(betas, row):
    assert row_of_model(betas) == row
    assert row_of_model([np.nan]) is None


@pytest.mark.parametrize(
    ("n", "numbers"),
    [(12, range(12)), (4, [2, 5, 8, 11]), (5, [1, 3, 6, 8, 11]), (1, [11]), (0, []), (99, range(12))],
)
def test_they_are_taken_evenly_draw_by_draw(n, numbers, samples):
    drawn = draws_at(samples, 1, n)
    assert drawn.shape == (len(numbers), 6)
    assert (drawn > 0).astype(int) @ (1 << np.arange(6)) == pytest.approx(np.array(numbers))
