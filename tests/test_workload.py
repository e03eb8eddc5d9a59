"""What a call takes, as samplers tell it before."""

from __future__ import annotations

import math

import pytest

import qspin
from qspin.errors import InputError
from qspin.sampler import Workload, workload_of


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"kernel": ""}, "kernel of a workload is a name"),
        ({"work": -1.0}, "work of a workload is a number from 0; got -1.0"),
        ({"work": math.nan}, "work of a workload"),
        ({"memory": math.inf}, "memory of a workload"),
        ({"paid_seconds": -1}, "paid_seconds of a workload"),
        ({"n_parts": 0}, "n_parts of a workload is a number from 1"),
        ({"kept": "much"}, "kept of a workload"),
    ],
)
def test_what_is_no_workload_is_refused(changes, told):
    with pytest.raises(InputError, match=told):
        Workload(**{"kernel": "dice", "work": 1.0, **changes})


def test_seconds_that_nobody_knows_are_none():
    assert Workload("dice", 1.0, paid_seconds=None).paid_seconds is None


class Dice:
    def __init__(self, told):
        self.told = told

    def workload(self, problem):
        return self.told


def test_a_sampler_that_tells_something_else_is_refused(glass):
    assert workload_of(Dice(Workload("dice", 2.0)), glass) == Workload("dice", 2.0)
    with pytest.raises(InputError, match=r"workload of Dice returns a qspin.sampler.Workload; got 3"):
        workload_of(Dice(3), glass)
    assert workload_of(object(), glass) is None


@pytest.mark.parametrize(
    ("backend", "settings", "more"),
    [
        ("tempering", {"betas": [0.5, 1.0]}, {"n_sweeps": 20_000}),
        ("tempering", {"betas": [0.5, 1.0]}, {"n_replicas": 100}),
        ("tempering", {}, {"n_sweeps": 40_000}),
        ("tempering", {"method": "annealing"}, {"n_sweeps": 20_000}),
        ("tempering", {"method": "population"}, {"n_population": 1_000}),
        ("tempering", {"method": "search"}, {"n_sweeps": 20_000}),
        ("annealer", {"topology": "none"}, {"n_reads": 200}),
        ("annealer", {"topology": "none", "physics": "rotor"}, {"n_sweeps": 400}),
        ("annealer", {"topology": "none", "physics": "thermal"}, {"betas": [1.0, 2.0]}),
        ("qaoa", {}, {"depth": 2}),
        ("qaoa", {"angles": "optimise"}, {"n_starts": 6}),
        ("ocean", {}, {"n_reads": 200}),
        ("ocean", {}, {"parameters": {"num_sweeps": 2_000}}),
        ("exact", {}, {"betas": [0.1, 0.2, 0.3]}),
    ],
)
def test_more_of_it_is_more_work_of_one_kernel(glass, backend, settings, more):
    less, much = (
        workload_of(qspin.get_backend(backend, **{**settings, **changes}), glass) for changes in ({}, more)
    )
    assert less.kernel == much.kernel
    assert much.work > less.work
    assert less.paid_seconds == much.paid_seconds == 0.0


def test_what_may_be_charged_elsewhere_is_not_known(glass):
    sampler = qspin.get_backend("ocean", sampler="dimod:ExactSolver")
    assert workload_of(sampler, glass).paid_seconds == 0.0


def test_a_state_vector_takes_its_amplitudes(glass):
    told = workload_of(qspin.get_backend("qaoa", angles="optimise"), glass)
    assert told.memory > 16 * 2**glass.n_spins + 5 * 8 * 2**glass.n_spins


def test_threads_decide_nothing_about_it(glass):
    one, many = (workload_of(qspin.get_backend("tempering", n_threads=n), glass) for n in (1, 7))
    assert one == many
