"""A look at how long a kernel takes: bounded, kept from buying, and about right."""

from __future__ import annotations

import time

import pytest

import qspin
from qspin.experiment.forecast import pilot as pilots
from qspin.experiment.forecast.pilot import pilot
from qspin.progress import report_progress
from qspin.sampler import Workload, workload_of

TOLD = Workload("dice", 1.0)


class Slow:
    """Takes `seconds` and says how far it is."""

    is_paid = False

    def __init__(self, seconds, tells=True):
        self.seconds, self.tells = seconds, tells

    def sample(self, problem, *, seed=None):
        if problem.n_spins > 2:
            began = time.perf_counter()
            while (passed := time.perf_counter() - began) < self.seconds:
                time.sleep(0.01)
                if self.tells:
                    report_progress(passed / self.seconds)
        return qspin.get_backend("exact", n_replicas=3).sample(problem, seed=seed)


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch):
    monkeypatch.setattr(pilots, "_SECONDS", 0.2)
    monkeypatch.setattr(pilots, "_MOST_SECONDS", 0.6)


def test_a_call_that_ends_soon_is_done(glass):
    found = pilot(Slow(0.1), glass, TOLD, 1)
    assert found.is_pilot
    assert 0.1 <= found.seconds < 0.5


def test_a_long_one_is_ended_and_what_is_left_is_told_from_how_far_it_came(glass):
    began = time.perf_counter()
    found = pilot(Slow(60.0), glass, TOLD, 1)
    assert time.perf_counter() - began < 5
    assert found.seconds == pytest.approx(60.0, rel=0.2)


def test_one_that_does_not_say_how_far_it_is_ends_without_an_answer(glass):
    began = time.perf_counter()
    assert pilot(Slow(60.0, tells=False), glass, TOLD, 1) is None
    assert time.perf_counter() - began < 5


def test_what_is_paid_large_or_fails_is_not_tried(glass):
    paid = Slow(0.0)
    paid.is_paid = True
    assert pilot(paid, glass, TOLD, 1) is None
    assert pilot(Slow(0.0), glass, Workload("dice", 1.0, memory=2**31), 1) is None
    assert pilot(object(), glass, TOLD, 1) is None


def test_a_backend_that_returns_what_it_has_when_it_is_interrupted(glass):
    sampler = qspin.get_backend("tempering", betas=[0.5, 1.0], n_sweeps=20_000_000, n_draws=1, n_threads=1)
    found = pilot(sampler, glass, workload_of(sampler, glass), 1)
    assert found is None or found.seconds > 1.0
