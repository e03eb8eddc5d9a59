"""Long runs: unfinished work is kept, gone on with bit for bit, and never mixed with that of another run."""

from __future__ import annotations

from concurrent.futures import wait

import numpy as np
import pytest
from qspin_backends.tempering import annealing, packs, tempering
from qspin_backends.tempering.search import running

import qspin
from qspin import instances, stopping
from qspin.errors import InputError
from qspin.progress import listening

GLASS = instances.edwards_anderson((4, 4, 4), seed=1)
LARGE = instances.edwards_anderson((8, 8, 8), seed=1)
BIMODAL = instances.edwards_anderson((4, 4, 4), couplings="bimodal", seed=1)
SK = instances.sherrington_kirkpatrick(40, seed=1)
LADDER = {"betas": [0.3, 0.8, 1.5], "n_replicas": 6}
RUNS = {
    "sparse": (GLASS, {**LADDER, "n_burn_in": 5_000, "n_sweeps": 60_000, "n_draws": 40}),
    "dense": (SK, {**LADDER, "kernel": "dense", "n_burn_in": 5_000, "n_sweeps": 60_000, "n_draws": 40}),
    "multispin": (BIMODAL, {**LADDER, "n_burn_in": 5_000, "n_sweeps": 60_000, "n_draws": 40}),
    "clusters": (
        GLASS,
        {**LADDER, "n_sweeps": 60_000, "n_draws": 40, "cluster": "isoenergetic", "cluster_every": 50},
    ),
    "bonds": (GLASS, {**LADDER, "n_sweeps": 60_000, "n_draws": 40, "cluster": "bonds", "cluster_every": 5}),
    "bonds, dense": (
        SK,
        {**LADDER, "kernel": "dense", "n_sweeps": 60_000, "n_draws": 40, "cluster": "bonds"},
    ),
    "reversible": (GLASS, {**LADDER, "n_sweeps": 60_000, "n_draws": 40, "swap_scheme": "reversible"}),
    "statistics": (GLASS, {**LADDER, "n_sweeps": 60_000, "n_draws": 40, "store": "statistics"}),
    "annealing": (GLASS, {"method": "annealing", "betas": {"linear": [0.1, 2, 20]}, "n_sweeps": 600_000}),
    "target": (LARGE, {**LADDER, "n_burn_in": 5_000, "n_sweeps": 30_000, "target_energy": -857.5}),
    "target, annealing": (
        LARGE,
        {
            "method": "annealing",
            "betas": {"linear": [0.5, 2, 20]},
            "n_replicas": 16,
            "n_sweeps": 40_000,
            "target_energy": -856.0,
        },
    ),
    "population": (
        GLASS,
        {
            "method": "population",
            "betas": {"linear": [0.1, 1, 8]},
            "n_replicas": 3,
            "n_sweeps": 40_000,
            "n_population": 100,
        },
    ),
    "search": (GLASS, {"method": "search", "n_replicas": 3, "n_sweeps": 60_000, "n_draws": 4}),
}


class Killed(Exception):
    """As if the process had died, right after it said how far it was."""


def killed_after(calls):
    def kill(progress):
        nonlocal calls
        calls -= 1
        if calls < 0 and progress.fraction < 1:
            raise Killed

    return listening(kill)


@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_died_goes_on_bit_for_bit(name, tmp_path):
    problem, settings = RUNS[name]
    sampler = qspin.get_backend("tempering", **settings)
    whole = sampler.sample(problem, seed=7)
    file = tmp_path / "work.checkpoint"
    with qspin.checkpointing(file, seconds=0):
        for calls in (1, 2):
            with pytest.raises(Killed), killed_after(calls):
                sampler.sample(problem, seed=7)
            assert file.is_file()
        resumed = sampler.sample(problem, seed=None)  # the file knows the seed
    assert not file.exists()
    assert resumed.info["seed"] == 7
    for variable in whole.dataset.data_vars:
        np.testing.assert_array_equal(
            resumed.dataset[variable].values, whole.dataset[variable].values, err_msg=variable
        )


@pytest.mark.parametrize("name", ["target", "target, annealing"])
def test_of_targets_some_are_reached_late(name):
    """Or else going on with them is not tested above."""
    problem, settings = RUNS[name]
    samples = qspin.get_backend("tempering", **settings).sample(problem, seed=7)
    sweeps = samples.dataset["sweeps_to_target"].values
    assert np.isnan(sweeps).any() or np.nanmax(sweeps) > 20_000
    assert (sweeps < 40_000).any()


def test_where_it_started_belongs_to_a_run(tmp_path):
    problem, settings = RUNS["target"]
    sampler = qspin.get_backend("tempering", **settings)
    initial = np.random.default_rng(2).choice([-1, 1], (6, problem.n_spins))
    whole = sampler.sample(problem, seed=7, initial=initial)
    file = tmp_path / "work.checkpoint"
    with qspin.checkpointing(file, seconds=0):
        with pytest.raises(Killed), killed_after(1):
            sampler.sample(problem, seed=7, initial=initial)
        for other in (None, -initial):
            with pytest.raises(InputError, match="initial"):
                sampler.sample(problem, seed=7, initial=other)
        resumed = sampler.sample(problem, seed=None, initial=initial)
    for variable in whole.dataset.data_vars:
        np.testing.assert_array_equal(
            resumed.dataset[variable].values, whole.dataset[variable].values, err_msg=variable
        )


def asked_after(monkeypatch, looks):
    """As if somebody asked for a stop, at the so-manyth look at whether anybody did."""
    left = iter(range(looks))
    monkeypatch.setattr(stopping, "is_requested", lambda: next(left, None) is None)


@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_is_asked_to_stop_loses_no_sweep(name, tmp_path, monkeypatch):
    """It stops wherever it is, also between two refreshes, with packs at different sweeps."""
    problem, settings = RUNS[name]
    monkeypatch.setattr(tempering, "_UPDATES_A_PIECE", 2**18)
    monkeypatch.setattr(annealing, "_UPDATES_A_CHUNK", 2**17)
    monkeypatch.setattr(running, "_UPDATES_A_STRETCH", 2**20)
    sampler = qspin.get_backend("tempering", n_threads=3, **{**settings, "n_sweeps": 40_000})
    whole = sampler.sample(problem, seed=7)
    file = tmp_path / "work.checkpoint"
    n_stopped = 0
    with qspin.checkpointing(file, seconds=1e9):
        for looks in (1, 2, 5, 12, 17):
            with monkeypatch.context() as patch:
                asked_after(patch, looks)
                n_stopped += sampler.sample(problem, seed=7).info["status"] == "interrupted"
            assert file.is_file()
        resumed = sampler.sample(problem, seed=7)
    assert n_stopped == 5
    for variable in whole.dataset.data_vars:
        np.testing.assert_array_equal(
            resumed.dataset[variable].values, whole.dataset[variable].values, err_msg=variable
        )


def test_an_interrupt_keeps_what_was_done(tmp_path, monkeypatch):
    """As in a notebook, where nobody asks first."""
    problem, settings = RUNS["dense"]
    sampler = qspin.get_backend("tempering", n_threads=2, **settings)
    whole = sampler.sample(problem, seed=7)
    monkeypatch.setattr(tempering, "_UPDATES_A_PIECE", 2**18)
    n_looks = iter(range(10**6))

    def interrupted(*arguments, **more):
        if next(n_looks) == 1:
            raise KeyboardInterrupt
        return wait(*arguments, **more)

    monkeypatch.setattr(packs, "wait", interrupted)
    with qspin.checkpointing(tmp_path / "a", seconds=1e9):
        assert sampler.sample(problem, seed=7).info["status"] == "interrupted"
        assert (tmp_path / "a").is_file()
        resumed = sampler.sample(problem, seed=7)
    np.testing.assert_array_equal(resumed.spins.values, whole.spins.values)


def test_other_threads_may_go_on(tmp_path):
    settings = RUNS["sparse"][1]
    with qspin.checkpointing(tmp_path / "a", seconds=0):
        with pytest.raises(Killed), killed_after(2):
            qspin.get_backend("tempering", n_threads=1, **settings).sample(GLASS, seed=7)
        resumed = qspin.get_backend("tempering", n_threads=3, **settings).sample(GLASS, seed=7)
    whole = qspin.get_backend("tempering", **settings).sample(GLASS, seed=7)
    np.testing.assert_array_equal(resumed.spins.values, whole.spins.values)


@pytest.mark.parametrize(
    ("problem", "changes", "seed", "message"),
    [
        (SK, {}, 7, "its problem is"),
        (GLASS, {"n_sweeps": 30_000}, 7, r"its settings\.n_sweeps is \d+, here it is 30000\. Go on"),
        (GLASS, {}, 8, "its seed is 7, here it is 8"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(tmp_path, problem, changes, seed, message):
    settings = RUNS["sparse"][1]
    file = tmp_path / "a"
    with qspin.checkpointing(file, seconds=0):
        with pytest.raises(Killed), killed_after(2):
            qspin.get_backend("tempering", **settings).sample(GLASS, seed=7)
        before = file.read_bytes()
        with pytest.raises(InputError, match=f"is the checkpoint of another run: .*{message}"):
            qspin.get_backend("tempering", **{**settings, **changes}).sample(problem, seed=seed)
    assert file.read_bytes() == before


def test_a_checkpoint_of_another_version_is_refused(tmp_path, monkeypatch):
    sampler = qspin.get_backend("tempering", **RUNS["sparse"][1])
    with qspin.checkpointing(tmp_path / "a", seconds=0):
        with pytest.raises(Killed), killed_after(2):
            sampler.sample(GLASS, seed=7)
        monkeypatch.setattr("qspin.provenance._version", lambda name: "9.9.9")
        with pytest.raises(InputError, match=r"its versions\.qspin is .*9\.9\.9"):
            sampler.sample(GLASS, seed=7)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut off"])
def test_a_damaged_checkpoint_is_refused(tmp_path, content):
    file = tmp_path / "a"
    file.write_bytes(content)
    with (
        qspin.checkpointing(file),
        pytest.raises(InputError, match=r"not a readable checkpoint \(.*\); remove it"),
    ):
        qspin.get_backend("tempering", **RUNS["sparse"][1]).sample(GLASS, seed=7)


def test_without_a_place_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    qspin.get_backend("tempering", **LADDER, n_sweeps=100).sample(GLASS, seed=1)
    assert list(tmp_path.iterdir()) == []
