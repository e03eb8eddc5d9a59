"""A look at how long a kernel takes: bounded, kept from buying, and about right."""

from __future__ import annotations

import contextlib
import time

import numpy as np
import pytest

import qspin
from qspin.engine.processes.worker import Message
from qspin.experiment.forecast import pilot as pilots
from qspin.experiment.forecast.pilot import Pilots
from qspin.experiment.forecast.trials import TIMED, Making, Sampling
from qspin.progress import Progress, report_progress
from qspin.sampler import Workload, run_info, workload_of
from qspin.source import Preparation, Prepared, settings

TOLD = Workload("dice", 1.0)


def pilot(sampler, problem, told, n_threads):
    with Pilots() as tried:
        return tried.timing(Sampling(sampler, problem), told, n_threads)


SHORT, COMPILING, LONG = 0.1, 3.0, 600.0  # seconds; the last are more than any test may take


class Slow:
    """Takes `seconds` and says how far it is."""

    is_paid = False

    def __init__(self, seconds, tells=True):
        self.seconds, self.tells = seconds, tells

    def sample(self, problem, *, seed=None):
        if problem.n_spins > 2:
            self.work()
        elif self.tells:
            report_progress(1.0)
        spins = np.ones((1, 3, 1, problem.n_spins))
        return qspin.SampleSet.from_spins(problem, spins, info=run_info(self, seed))

    def work(self):
        began = time.perf_counter()
        while (passed := time.perf_counter() - began) < self.seconds:
            time.sleep(0.01)
            if self.tells:
                report_progress(passed / self.seconds)


class Compiling(Slow):
    """Takes seconds more in the first call of the problem itself."""

    compiled = False

    def work(self):
        if not type(self).compiled:
            time.sleep(COMPILING)
        type(self).compiled = True
        super().work()


class Deaf(Slow):
    """Goes on whatever is raised in it, as a callback from compiled code does."""

    def work(self):
        until = time.perf_counter() + self.seconds
        while time.perf_counter() < until:
            with contextlib.suppress(BaseException):
                time.sleep(0.01)
                report_progress(0.0)


class Local(Slow):
    """Can be sent nowhere."""

    def __reduce__(self):
        raise TypeError("it stays here")


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch):
    monkeypatch.setattr(pilots, "_SECONDS", 0.2)


def test_a_long_one_is_ended_and_what_is_left_is_told_from_how_far_it_came(glass):
    found = pilot(Slow(LONG), glass, TOLD, 1)
    assert found.seconds == pytest.approx(LONG, rel=0.2)


def test_it_does_not_matter_how_late_the_other_process_is_heard():
    """As on a busy machine: all that it said at once."""

    class Heard:
        ears, is_idle, is_lost = (), False, False

        def messages(self):
            yield Message("start", TIMED, None, 10.0)
            for k in range(1, 9):
                yield Message("progress", TIMED, Progress(k / 1000), 10.0 + k * LONG / 1000)

        def lines(self):
            return ()

    watch = pilots._Watch(Heard())
    watch._listen(0.0)
    assert watch._expected() == pytest.approx(LONG)


def test_a_call_that_ends_soon_is_done_and_what_is_compiled_is_so_before(glass):
    found = pilot(Compiling(SHORT), glass, TOLD, 1)
    assert found.is_pilot
    assert SHORT <= found.seconds < COMPILING


@pytest.mark.parametrize(("kind", "tells"), [(Slow, False), (Deaf, True)])
def test_one_that_does_not_say_how_far_it_is_ends_without_an_answer(kind, tells, glass, monkeypatch, capfd):
    monkeypatch.setattr(pilots, "_MOST_SECONDS", 0.6)
    monkeypatch.setattr(pilots, "_MOST_LOADING", 4.0 if tells else 120.0)
    assert pilot(kind(LONG, tells), glass, TOLD, 1) is None
    assert capfd.readouterr() == ("", "")


def test_what_is_paid_large_or_fails_is_not_tried(glass):
    paid = Slow(0.0)
    paid.is_paid = True
    assert pilot(paid, glass, TOLD, 1) is None
    assert pilot(Slow(0.0), glass, Workload("dice", 1.0, memory=2**31), 1) is None
    assert pilot(object(), glass, TOLD, 1) is None
    assert pilot(Local(0.0), glass, TOLD, 1) is None


def test_a_problem_that_is_refused_is_left_to_its_task():
    large = qspin.IsingProblem.from_edges(40, [0], [1], [1.0])
    assert pilot(qspin.get_backend("exact"), large, TOLD, 1) is None


def test_a_backend_that_returns_what_it_has_when_it_is_interrupted(glass):
    sampler = qspin.get_backend("tempering", betas=[0.5, 1.0], n_sweeps=20_000_000, n_draws=1, n_threads=1)
    found = pilot(sampler, glass, workload_of(sampler, glass), 1)
    assert found is None or found.seconds > 1.0


# -- preparations ---------------------------------------------------------------------------------


@settings
class Training(Preparation):
    """Takes `seconds`, in steps in each of which it calls its sampler."""

    uses = ("hand",)
    seconds: float = LONG

    def make(self, tools):
        began, problem = time.perf_counter(), qspin.IsingProblem([[0.0, 1.0], [1.0, 0.0]])
        while (passed := time.perf_counter() - began) < self.seconds:
            tools.samplers["hand"].sample(problem, seed=1)
            time.sleep(0.01)
            report_progress(passed / self.seconds)
        return Prepared({})


def test_a_training_is_tried_with_its_samplers():
    told = Workload("training by dice", 5.0)
    with Pilots() as tried:
        found = tried.timing(Making(Training(), {"hand": Slow(SHORT, tells=False)}), told, 1)
        paid = Slow(SHORT)
        paid.is_paid = True
        assert tried.timing(Making(Training(), {"hand": paid}), told, 1) is None
    assert found.seconds == pytest.approx(LONG, rel=0.2)
    assert (found.kernel, found.work, found.n_spins, found.n_couplings) == ("training by dice", 5.0, 0, 0)


def test_one_process_tries_them_all_as_long_as_it_ends_them(glass, monkeypatch):
    """What hangs is ended with its process, and the next is tried in another."""
    with Pilots() as tried:
        started = []
        start = tried._worker._start
        monkeypatch.setattr(tried._worker, "_start", lambda: (started.append(1), start()))
        for _ in range(2):
            assert tried.timing(Sampling(Slow(LONG), glass), TOLD, 1).seconds > LONG / 2
        assert len(started) == 1
        with monkeypatch.context() as short:
            short.setattr(pilots, "_MOST_LOADING", 4.0)
            assert tried.timing(Sampling(Deaf(LONG), glass), TOLD, 1) is None
        assert tried.timing(Sampling(Slow(SHORT), glass), TOLD, 1).seconds > SHORT / 2
        assert len(started) == 2


def test_a_training_that_hears_of_the_end_by_its_sampler_is_no_failure():
    """Tempering returns what it has, and the training then passes on an interrupt of its own."""
    pytest.importorskip("torch")
    recipe = {"dataset": "bars_and_stripes", "size": 2, "hidden": 2, "sampler": "hand", "epochs": 10**6}
    training = qspin.registry.get_source("boltzmann", **recipe).needs()["training"]
    hand = qspin.get_backend("tempering", betas=[0.5, 1.0], n_sweeps=100, n_burn_in=0, n_threads=1)
    told = training.workload({"hand": hand})
    with Pilots() as tried:
        assert tried.timing(Making(training, {"hand": hand}), told, 1).seconds > 60
