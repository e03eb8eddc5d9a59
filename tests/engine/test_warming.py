"""Before seconds are measured a sampler is called once, unless its reads are paid, or it does not say."""

from __future__ import annotations

import numpy as np
import pytest

from qspin import IsingProblem, SampleSet
from qspin.engine import actions
from qspin.sampler import run_info

PROBLEM = IsingProblem([[0.0, -1.0], [-1.0, 0.0]])


class Foreign:
    """A third party's sampler, without a setting `device` or any other."""

    def __init__(self):
        self.seeds = []

    def sample(self, problem, *, seed=None):
        self.seeds.append(seed)
        spins = np.ones((1, 2, 1, problem.n_spins))
        return SampleSet.from_spins(problem, spins, info=run_info(self, seed))


def paid():
    raise AssertionError("nobody calls it")


@pytest.mark.parametrize(
    ("attributes", "n_calls"),
    [
        ({}, 0),
        ({"is_paid": True}, 0),
        ({"is_paid": paid}, 0),
        ({"is_paid": property(lambda self: True)}, 0),
        ({"is_paid": False}, 1),
        ({"is_paid": property(lambda self: False)}, 1),
    ],
    ids=["silent", "paid", "method", "paid property", "free", "free property"],
)
def test_only_what_says_that_it_is_free(monkeypatch, attributes, n_calls):
    monkeypatch.setattr(actions, "_warm", set())
    sampler = type("Other", (Foreign,), attributes)()
    for _ in range(2):
        actions._warm_up({"name": "other"}, sampler, PROBLEM, "other")
    assert len(sampler.seeds) == n_calls
