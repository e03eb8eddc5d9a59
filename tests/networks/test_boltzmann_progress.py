"""How far a training of a Boltzmann machine says that it is: a share of time."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from boltzmann_for_tests import one_thread  # noqa: F401

import qspin
from qspin.networks.boltzmann import RestrictedBoltzmannMachine, fit_boltzmann
from qspin.networks.boltzmann.fitting import course as courses
from qspin.networks.boltzmann.fitting.course import Course
from qspin.progress import listening, report_progress

DATA = [[1, 1, -1], [-1, -1, 1]]


class Clock:
    """Stands still until it is moved."""

    now = 0.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(courses, "time", SimpleNamespace(perf_counter=clock.perf_counter))
    return clock


def spend(clock, block, seconds):
    with block:
        clock.now += seconds


def test_an_evaluation_counts_as_long_as_it_takes(clock):
    """Ten steps of a second and two evaluations of five: the first of these and four steps are 9 of 20."""
    course = Course(10, 2)
    spend(clock, course.evaluation(), 5.0)
    assert course.fraction == 0.0, "nobody knows yet what a step takes"
    for _ in range(4):
        spend(clock, course.step(), 1.0)
    assert course.fraction == pytest.approx(9 / 20)
    for _ in range(6):
        spend(clock, course.step(), 1.0)
    spend(clock, course.evaluation(), 5.0)
    assert course.fraction == 1.0


def test_what_was_done_before_counts_as_what_is_done_now(clock):
    course = Course(10, 2, done=6, evaluated=1)
    spend(clock, course.step(), 1.0)
    assert course.fraction == pytest.approx(7 / 10)
    spend(clock, course.evaluation(), 5.0)
    assert course.fraction == pytest.approx((7 + 10) / 20)


def test_what_is_called_in_a_step_moves_within_it(clock):
    heard = []
    course = Course(4, 0)
    spend(clock, course.step(), 1.0)
    with listening(lambda progress: heard.append((progress.fraction, progress.remark))):
        with course.step():
            report_progress(0.5, "half of its samples")
            clock.now += 1.0
        course.report("step 2 of 4")
    assert heard == [(pytest.approx(1.5 / 4), "half of its samples"), (0.5, "step 2 of 4")]


def test_a_sampler_does_not_end_the_training_that_calls_it():
    """It says at each step that all of its own work is done."""
    heard = []
    sampler = qspin.get_backend("tempering", betas=[0.5, 1.0], n_replicas=8, n_sweeps=4, n_burn_in=0)
    with listening(heard.append):
        fit_boltzmann(RestrictedBoltzmannMachine(3, 2), DATA, sampler, seed=0, n_steps=20)
    after_steps = [own.fraction for own in heard if own.remark.startswith("step")]
    assert len(after_steps) == 20
    assert len(heard) > 20, "the sampler is heard too"
    assert after_steps[-1] == 1.0
    assert np.mean([own.fraction for own in heard[: len(heard) // 2]]) < 0.6
    assert all(own.fraction < 1.0 for own in heard[:-2])
