"""The boundary to backends that are not ours: what is no sample set of the problem does not pass."""

from __future__ import annotations

import asyncio
import json
import types

import numpy as np
import pytest
import xarray as xr

import qspin
from qspin import SampleSet
from qspin.errors import InputError, RunError
from qspin.provenance import run_info
from qspin.sampler import is_paid
from qspin.sampling import check_samples, sampled


def good(problem):
    spins = np.ones((2, 3, 4, problem.n_spins), np.int8)
    info = run_info(object(), 1, clocks={"sample": 0.5})
    return SampleSet.from_spins(problem, spins, betas=[0.0, 1.0], info=info)


def changed(samples, name, value):
    dataset = samples.dataset.copy(deep=True)
    dataset[name] = (dataset[name].dims, value)
    return SampleSet(dataset)


def with_energy(samples, value):
    energies = samples.energies.values.copy()
    energies[1, 2, 3] = value
    return changed(samples, "energies", energies)


def with_spin(samples, value):
    spins = samples.spins.values.astype(type(value))
    spins[1, 2, 3, 0] = value
    return changed(samples, "spins", spins)


def without(samples, attribute):
    dataset = samples.dataset.copy()
    dataset.attrs = {key: value for key, value in dataset.attrs.items() if key != attribute}
    return SampleSet(dataset)


def informed(samples, text):
    return SampleSet(samples.dataset.assign_attrs(info=text))


def telling(samples, **changes):
    return informed(samples, json.dumps({**samples.info, **changes}))


NEVER_MADE = {
    "spin 0": (lambda s, p: with_spin(s, np.int8(0)), r"spins must be -1 or \+1; got 0"),
    "spin 1/2": (lambda s, p: with_spin(s, 0.5), "spins must be int8 .*; got float64"),
    "single precision": (
        lambda s, p: changed(s, "energies", s.energies.values.astype(np.float32)),
        "energies float64 .*; got int8, float32",
    ),
    "no info": (lambda s, p: without(s, "info"), "no whole JSON"),
    "text as info": (lambda s, p: informed(s, "no JSON"), "no whole JSON"),
    "a list as info": (lambda s, p: informed(s, "[]"), "info of a sample set is a mapping"),
    "one remark": (lambda s, p: telling(s, remarks="careful"), "remarks are a list; got 'careful'"),
    "odd remarks": (lambda s, p: telling(s, remarks=[1]), "a stored remark .*; got 1"),
    "unknown level": (
        lambda s, p: telling(s, remarks=[{"code": "a", "text": "b", "level": "grave"}]),
        "one of serious, caution, note; got 'grave'",
    ),
    "no labels": (lambda s, p: without(s, "labels"), "no whole JSON"),
    "negative": (lambda s, p: changed(s, "beta", [-1.0, 0.5]), "betas must be finite and not negative"),
    "endless beta": (lambda s, p: changed(s, "beta", [0.0, np.inf]), "betas must be finite"),
    "too few labels": (
        lambda s, p: SampleSet(s.dataset.assign_attrs(labels='["a"]')),
        "names 1 spins and holds 10",
    ),
}

WRONG = {
    "nothing": (lambda s, p: None, "a NoneType; expected a qspin.SampleSet"),
    "a dataset": (lambda s, p: s.dataset, "a Dataset; expected"),
    "another problem": (lambda s, p: good(qspin.IsingProblem([[0.0]])), "samples of another problem"),
    "low energy": (lambda s, p: with_energy(s, -1e6), r"1 of 24 energies .*, the first -1000000 where"),
    "energy off by a rounding too many": (
        lambda s, p: with_energy(s, s.energies.values[1, 2, 3] + 1e-9),
        "energies are not those of their spins",
    ),
    "no number": (lambda s, p: with_energy(s, np.nan), "the first nan where"),
    "missing keys": (
        lambda s, p: SampleSet.from_spins(p, s.spins.values, [0.0, 1.0]),
        "no 'backend'; no 'settings'; no 'seed'; no 'versions'; no 'clocks'",
    ),
    "unknown status": (
        lambda s, p: telling(s, status="fine"),
        "'status' is 'fine', expected one of complete",
    ),
    "clocks of text": (lambda s, p: telling(s, clocks={"sample": "long"}), "expected seconds"),
    "endless clocks": (lambda s, p: telling(s, clocks={"sample": float("inf")}), "expected seconds"),
    "odd headline": (lambda s, p: telling(s, headline=1), "'headline' is 1, expected text"),
    "odd names": (lambda s, p: telling(s, ignored=[1]), "something else than names of settings"),
    "descending": (lambda s, p: changed(s, "beta", [1.0, 0.5]), "expected numbers that ascend"),
    "half a ladder": (lambda s, p: changed(s, "beta", [0.0, np.nan]), "expected numbers that ascend"),
    "no samples": (
        lambda s, p: SampleSet.from_spins(p, s.spins.values[:, :0], [0.0, 1.0], s.info),
        "no samples at all",
    ),
    "other labels": (
        lambda s, p: SampleSet(s.dataset.assign_attrs(labels=json.dumps(list("abcdefghij")))),
        "10 spins with other labels",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_sample_set_is_refused(glass, name):
    make, message = WRONG[name]
    wrong = make(good(glass), glass)
    with pytest.raises(InputError, match=message):
        check_samples(wrong, glass)
    sampler = types.SimpleNamespace(sample=lambda problem, *, seed: wrong)
    with pytest.raises(RunError, match=f"backend 'x' returned .*{message}"):
        sampled(sampler, glass, seed=1, backend="x")


@pytest.mark.parametrize("name", NEVER_MADE)
def test_what_no_sample_set_holds_is_refused_before_it_is_one(glass, name):
    make, message = NEVER_MADE[name]
    with pytest.raises(InputError, match=message):
        make(good(glass), glass)


def test_another_way_to_add_up_is_no_fault():
    """Pairs one by one, in another order, with terms of very different sizes."""
    problem = qspin.instances.sherrington_kirkpatrick(60, seed=1)
    problem = qspin.IsingProblem(problem.couplings, fields=1e6 * np.arange(60.0), offset=-1e7)
    spins = np.random.default_rng(1).choice([-1, 1], (1, 5, 1, 60)).astype(np.int8)
    samples = SampleSet.from_spins(problem, spins, info=run_info(object(), 1))
    i, j, couplings = problem.edges
    terms = np.concatenate([couplings * spins[..., i] * spins[..., j], problem.fields * spins], axis=-1)
    other = np.add.accumulate(terms[..., ::-1], axis=-1)[..., -1] + problem.offset
    assert (other != samples.energies.values).any()
    check_samples(changed(samples, "energies", other), problem)


def test_no_thermostat_and_no_spins_are_fine():
    empty = qspin.IsingProblem(np.zeros((0, 0)), offset=1.5)
    check_samples(SampleSet.from_spins(empty, np.ones((1, 2, 1, 0)), info=run_info(object(), 1)), empty)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ZeroDivisionError("division\nby zero"), "backend 'x' failed: ZeroDivisionError: division by zero"),
        (SystemExit(0), "backend 'x' failed: SystemExit: 0"),
        (MemoryError(), "backend 'x' failed: MemoryError"),
        (xr.MergeError("conflict"), "backend 'x' failed: MergeError: conflict"),
    ],
)
def test_errors_of_others_become_ours(glass, error, message):
    def sample(problem, *, seed):
        raise error

    with pytest.raises(RunError, match=message) as caught:
        sampled(types.SimpleNamespace(sample=sample), glass, seed=1, backend="x")
    assert caught.value.__cause__ is error
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("error", [InputError("too large"), RunError("no network"), KeyboardInterrupt()])
def test_our_errors_and_interrupts_pass(glass, error):
    def sample(problem, *, seed):
        raise error

    with pytest.raises(type(error)) as caught:
        sampled(types.SimpleNamespace(sample=sample), glass, seed=1, backend="x")
    assert caught.value is error


class TestPaid:
    @pytest.mark.parametrize(
        ("name", "settings", "paid"),
        [
            ("exact", {}, False),
            ("tempering", {}, False),
            ("annealer", {"device": "simulated"}, False),
            ("annealer", {"device": "qpu"}, True),
            ("qaoa", {"device": "aer"}, False),
            ("qaoa", {"device": "ibm"}, True),
            ("qaoa", {"device": "ibm", "channel": "local"}, False),
            ("qaoa", {"device": "backend", "backend": "qiskit_aer:AerSimulator"}, False),
            ("qaoa", {"device": "backend", "backend": "nowhere:Backend"}, True),
            ("ocean", {}, False),
            ("ocean", {"sampler": "dimod:ExactSolver"}, False),
            ("ocean", {"sampler": "dimod.reference.samplers:RandomSampler"}, False),
            ("ocean", {"sampler": "dwave.system:LeapHybridSampler"}, True),
            ("ocean", {"sampler": "dwave.system:DWaveSampler"}, True),
            ("ocean", {"sampler": "somebody.cloud:Sampler"}, True),
        ],
    )
    def test_every_backend_says_it(self, name, settings, paid):
        assert is_paid(qspin.get_backend(name, **settings)) is paid

    def test_who_does_not_say_is_paid(self):
        assert is_paid(types.SimpleNamespace(sample=None))


def test_an_error_amid_the_cleaning_up_after_an_interrupt_is_an_interrupt(glass):
    def sample(problem, *, seed):
        try:
            raise KeyboardInterrupt
        finally:
            raise RuntimeError("release unlocked lock")

    with pytest.raises(KeyboardInterrupt):
        sampled(types.SimpleNamespace(sample=sample), glass, seed=1, backend="b")


@pytest.mark.parametrize("error", [SystemExit(0), asyncio.CancelledError(), GeneratorExit()])
def test_what_is_no_ordinary_exception_ends_no_run(glass, error):
    def sample(problem, *, seed):
        raise error

    with pytest.raises(RunError, match=f"backend 'b' failed: {type(error).__name__}"):
        sampled(types.SimpleNamespace(sample=sample), glass, seed=1, backend="b")
