"""What backends declare of themselves is held against what their samples show."""

from __future__ import annotations

import numpy as np
import pytest

import qspin
from qspin.errors import InputError
from qspin.measure import offered_by
from qspin.sampler import (
    OFFERS,
    finds_settings,
    followed_schedule,
    is_paid,
    offers,
    pilots,
    samples_version,
    setting_names,
    shared_settings,
    stepping,
)
from qspin.testing import small_problems

DENSE = small_problems()["dense"]
SHORT = {"n_replicas": 3, "n_burn_in": 20, "n_sweeps": 40}
COLD = {**SHORT, "betas": [0.5, 1.0]}
ANNEALER = {"n_reads": 6, "n_gauges": 2, "n_sweeps": 20, "size": 2}
QAOA = {"n_shots": 40}

SETTINGS = {
    "exact": [{}, {"betas": [0.5, 1.0]}, {"n_replicas": 1}],
    "tempering": [
        SHORT,
        COLD,
        {**SHORT, "betas": [1.0]},
        {**COLD, "n_replicas": 1},
        {**COLD, "n_draws": 3},
        {**COLD, "n_sweeps": 3},
        {**COLD, "store": "statistics"},
        {**COLD, "method": "annealing"},
        {**SHORT, "method": "annealing"},
        {**COLD, "method": "annealing", "store": "coldest"},
        {**COLD, "method": "population", "n_population": 20},
        {**SHORT, "method": "population", "n_population": 3},
        {**SHORT, "method": "search"},
        {**SHORT, "method": "search", "n_replicas": 1},
    ],
    "annealer": [
        ANNEALER,
        {**ANNEALER, "betas": [0.5, 1.0]},
        {**ANNEALER, "n_reads": 1},
        {**ANNEALER, "topology": "none"},
        {**ANNEALER, "physics": "thermal"},
        {**ANNEALER, "physics": "rotor", "working": 0.9},
        {**ANNEALER, "physics": "rotor", "schedule": "linear", "annealing_time": 0.6, "sweeps_per_ns": 0.05},
        {**ANNEALER, "topology": "none", "physics": "schrodinger", "annealing_time": 1e-3},
    ],
    "qaoa": [
        QAOA,
        {**QAOA, "n_shots": 1},
        {**QAOA, "post_selection": 0.01},
        {**QAOA, "angles": "linear_ramp"},
        {**QAOA, "angles": {"gamma": [0.3], "beta": [0.4]}},
        {**QAOA, "angles": "optimise", "objective": "cvar"},
        {**QAOA, "angles": "interp", "depth": 2},
        {**QAOA, "angles": "fourier", "depth": 2, "objective": "gibbs"},
        {**QAOA, "ansatz": "quench"},
        {**QAOA, "method": "matrix_product_state"},
        {**QAOA, "coupling_map": "line"},
        {**QAOA, "depths": [1, 2], "angles": "interp"},
        {**QAOA, "coupling_map": [(k, k + 1) for k in range(11)], "n_copies": "auto"},
        {**QAOA, "noise": {"rzz": 0.1}, "noise_drift": 1.0},
        {**QAOA, "device": "backend", "backend": "qiskit_aer:AerSimulator"},
    ],
    "ocean": [{"n_reads": 5}, {"n_reads": 1}, {"n_reads": 5, "parameters": {"num_reads": 3}}],
}
EACH = [(name, settings) for name, rows in SETTINGS.items() for settings in rows]

OTHER = {  # another value of settings that may be ignored
    "n_population": 77, "n_burn_in": 33, "n_draws": 1, "swap_scheme": "reversible", "cluster_every": 0,
    "cluster": "none", "move": "metropolis",
    "annealing_time": 30.0, "reinitialize_state": False,
    "reduce_intersample_correlation": True, "flux_drift_compensation": False,
    "noise_seed": 3, "shim_reads": 9,
    "programming_thermalization": 3.0, "readout_thermalization": 4.0, "h_gain_schedule": [(0, 1), (20, 2)],
    "anneal_offsets": dict.fromkeys(range(6), 0.01), "solver": "Advantage", "region": "eu-central-1",
    "max_qpu_seconds": 1.0, "reuse": False, "retries": 1, "retry_pause": 2.0, "size": 3, "working": 0.95,
    "yield_seed": 4,
    "embedding": "clique", "embedding_seed": 5, "transverse_field": 0.7, "angles": "linear_ramp",
    "angles_from": None, "ramp_step": 0.9, "fourier_terms": 1, "objective": "gibbs", "cvar_fraction": 0.9,
    "gibbs_eta": 3.0, "n_starts": 2, "n_iterations": 3, "multi_angle": False, "quench_time": 2.0,
    "schedule": [(0.0, 2.0, 0.0), (1.0, 0.0, 2.0)], "optimization_level": 3, "transpiler_seed": 8,
    "max_bond_dimension": 1, "truncation_threshold": 0.5, "channel": "ibm_cloud", "instance": "a",
    "regularisation": 0.1, "n_reads": 50, "n_sweeps": 44, "sweeps_per_ns": 0.5, "temperature": 0.4,
    "dephasing": 0.1, "tolerance": 0.01, "embedding_score": "spread", "embedding_tries": 2, "n_embeddings": 2,
    "depth": 3, "method": "density_matrix", "noise": {"rzz": 0.3},
    "coupling_map": "ring", "basis_gates": ["cz", "rz", "sx"], "noise_drift": 0.5,
}  # fmt: skip


@pytest.fixture
def own_folders(monkeypatch, tmp_path):
    monkeypatch.setenv("QSPIN_CACHE_DIR", str(tmp_path))


@pytest.mark.parametrize(("name", "settings"), EACH)
def test_what_is_offered_is_there(name, settings, own_folders):
    sampler = qspin.get_backend(name, **settings)
    problem = DENSE
    if settings.get("n_sweeps") == 3:
        assert "draws" not in offers(sampler)
    found = offered_by(sampler.sample(problem, seed=1), problem) & set(OFFERS)
    assert offers(sampler) == found


@pytest.mark.parametrize(("name", "settings"), EACH)
def test_ignored_settings_decide_nothing(name, settings, own_folders):
    """The same samples whatever is given for them."""
    samples = qspin.get_backend(name, **settings).sample(DENSE, seed=1)
    ignored = samples.info["ignored"]
    for setting in ignored:
        other = qspin.get_backend(name, **{**settings, setting: OTHER[setting]}).sample(DENSE, seed=1)
        np.testing.assert_array_equal(other.spins.values, samples.spins.values, err_msg=setting)
    assert list(ignored) == [n for n in setting_names(type(qspin.get_backend(name))) if n in ignored]
    assert samples.info["headline"]


def test_what_decides_is_not_called_ignored():
    quench = qspin.get_backend("qaoa", ansatz="quench", n_shots=10)
    ignored = quench.sample(DENSE, seed=1).info["ignored"]
    assert {"angles", "n_starts"} <= set(ignored)
    assert not {"quench_time", "schedule", "depth", "n_shots"} & set(ignored)
    thermal = qspin.get_backend("annealer", **ANNEALER, physics="thermal").sample(DENSE, seed=1)
    assert "transverse_field" in thermal.info["ignored"]
    assert (
        "transverse_field"
        not in qspin.get_backend("annealer", **ANNEALER).sample(DENSE, seed=1).info["ignored"]
    )


@pytest.mark.parametrize(
    ("name", "settings", "expected"),
    [
        ("exact", {}, "enumeration of 2^6 configurations"),
        ("tempering", COLD, "sparse kernel"),
        ("annealer", {**ANNEALER, "topology": "none"}, "no embedding"),
        ("qaoa", {**QAOA, "depth": 2}, "two-qubit gates, statevector"),
        ("ocean", {}, "SimulatedAnnealingSampler"),
    ],
)
def test_headlines(name, settings, expected):
    assert expected in qspin.get_backend(name, **settings).sample(DENSE, seed=1).info["headline"]


def test_the_headline_of_an_embedding_counts_qubits(own_folders):
    info = qspin.get_backend("annealer", **ANNEALER).sample(DENSE, seed=1).info
    embedding = info["pipeline"]["embedding"]
    lengths = embedding["chain_lengths"]
    assert info["headline"].startswith(f"{sum(lengths)} qubits, chains of {min(lengths)}")
    copies = qspin.get_backend("annealer", **ANNEALER, n_copies=2).sample(DENSE, seed=1).info["headline"]
    assert copies.startswith("2 copies, ")


class Foreign:
    """A third party's sampler that declares nothing."""

    def sample(self, problem, *, seed=None):
        raise AssertionError("nobody samples it here")


def declaring(**attributes):
    return type("Foreign", (Foreign,), attributes)()


def broken(self):
    raise AttributeError("device")


class TestOfThirdParties:
    def test_silence_is_safe(self):
        assert is_paid(Foreign())
        assert offers(Foreign()) is None
        assert samples_version(Foreign()) == 1
        assert not finds_settings(Foreign())
        assert followed_schedule(Foreign()) is None
        assert shared_settings(Foreign(), [DENSE], seed=1) == {}

    @pytest.mark.parametrize(
        "odd", [lambda self: False, property(broken), "no", property(lambda self: 1)], ids=range(4)
    )
    def test_what_is_no_plain_no_is_paid(self, odd):
        """A method in the place of a property, for one, is true whatever it would return."""
        assert is_paid(declaring(is_paid=odd))

    @pytest.mark.parametrize(
        ("ask", "attributes", "message"),
        [
            (offers, {"offers": {"thermostate"}}, "offers 'thermostate': .*'thermostat'"),
            (offers, {"offers": "spins"}, "offers of Foreign is a set of thermostat, .*got 'spins'"),
            (offers, {"offers": 3}, "is a set of thermostat.*got 3"),
            (samples_version, {"samples_version": "2"}, "is an integer from 1; got '2'"),
            (samples_version, {"samples_version": 0}, "is an integer from 1; got 0"),
            (samples_version, {"samples_version": True}, "is an integer from 1; got True"),
            (followed_schedule, {"followed_schedule": "linear"}, "is a Schedule; got 'linear'"),
        ],
    )
    def test_nonsense_is_refused(self, ask, attributes, message):
        with pytest.raises(InputError, match=message):
            ask(declaring(**attributes))

    @pytest.mark.parametrize("found", [None, {}, {"beta": 1}])
    def test_what_is_shared_are_settings(self, found):
        sampler = declaring(finds_settings=True, shared=lambda self, problems, *, seed: found)
        with pytest.raises(InputError, match="shared of Foreign returns a dictionary of its settings"):
            shared_settings(sampler, [DENSE], seed=1)


def test_pilots_are_spread_and_hold_both_ends():
    assert pilots([]) == []
    assert pilots([3]) == [3]
    assert pilots(range(8)) == list(range(8))
    chosen = pilots(range(2_000))
    assert (len(chosen), chosen[0], chosen[-1]) == (8, 0, 1_999)
    assert np.ptp(np.diff(chosen)) <= 1


@pytest.mark.parametrize(
    ("name", "settings", "followed"),
    [
        ("annealer", {}, "quadratic"),
        ("annealer", {"schedule": "linear", "physics": "thermal"}, "linear"),
        ("annealer", {"physics": "thermal"}, None),
        ("annealer", {"device": "qpu"}, None),
        ("annealer", {"device": "qpu", "schedule": "linear"}, "linear"),
        ("qaoa", {"ansatz": "quench", "schedule": "linear", "annealing_time": 0.01}, "linear"),
        ("qaoa", {"ansatz": "quench"}, None),
        ("qaoa", {}, None),
        ("exact", {}, None),
    ],
)
def test_the_schedule_that_samples_follow(name, settings, followed):
    found = followed_schedule(qspin.get_backend(name, **settings))
    assert (None if found is None else found.name) == followed


def test_what_is_left_to_a_sampler_is_chosen_for_steps():
    """What was given stays, and a ladder that was given keeps everything as it is."""
    bare = stepping(qspin.get_backend("tempering", n_replicas=30, n_threads=1))
    assert bare.betas[-1] == 1.0
    assert (bare.n_replicas, bare.n_threads, bare.n_burn_in, bare.n_draws) == (30, 1, 0, 1)
    assert stepping(bare) == bare
    for name, own in {"tempering": COLD, "exact": {}}.items():
        sampler = qspin.get_backend(name, **own)
        assert stepping(sampler) == sampler

    class Lying:
        def sample(self, problem, *, seed=None): ...

        def stepping(self):
            return {"n_sweeps": 1}

    with pytest.raises(InputError, match="stepping of Lying returns a sampler; got {'n_sweeps': 1}"):
        stepping(Lying())
