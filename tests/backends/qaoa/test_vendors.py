"""Backends of other vendors: Aer and Qiskit's own by path, DDSIM of Munich, and a stand-in that is paid."""

from __future__ import annotations

import importlib.util
from collections import defaultdict

import numpy as np
import pytest
from qiskit.providers.fake_provider import GenericBackendV2

import qspin
from qspin.errors import InputError, RunError
from qspin.sampler import is_paid
from qspin.testing import assert_within_errors

SK4 = qspin.instances.sherrington_kirkpatrick(4, seed=2)
AER = {"backend": "qiskit_aer:AerSimulator"}
GENERIC = {
    "backend": "qiskit.providers.fake_provider:GenericBackendV2",
    "backend_options": {"num_qubits": 9, "seed": 3},
}
DDSIM = {"backend": "mqt.ddsim:DDSIMProvider", "backend_name": "qasm_simulator"}
NO_DDSIM = pytest.mark.skipif(
    importlib.util.find_spec("mqt") is None,
    reason="mqt-ddsim, a free simulator of another vendor, is missing",
)


class Killed(BaseException):
    """The process dies here."""


class Vendor(GenericBackendV2):
    """A backend that does not say that it is a simulator; its jobs outlive a process and fail on demand."""

    jobs: dict = {}
    faults: dict = defaultdict(list)

    def __init__(self):
        super().__init__(5, seed=1)

    def run(self, circuit, **options):
        self.fail("run")
        job = super().run(circuit, **options)
        real = job.result
        job.result = lambda: (self.fail("result"), real())[1]
        Vendor.jobs[job.job_id()] = job
        self.fail("sent")
        return job

    def retrieve_job(self, job_id):
        self.fail("retrieve")
        return Vendor.jobs[job_id]

    def fail(self, stage):
        if self.faults[stage]:
            raise self.faults[stage].pop(0)


def vendor():
    return Vendor()


def not_one():
    return 7


@pytest.fixture
def bought(monkeypatch, tmp_path):
    monkeypatch.setenv("QSPIN_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(Vendor, "jobs", {})
    monkeypatch.setattr(Vendor, "faults", defaultdict(list))
    return Vendor


def at(place, **settings):
    return qspin.get_backend(
        "qaoa", device="backend", n_shots=settings.pop("n_shots", 50), **place, **settings
    )


PAID = {"backend": "test_vendors:vendor", "retry_pause": 0.001}


class TestSimulators:
    @pytest.mark.parametrize("place", [AER, pytest.param(DDSIM, marks=NO_DDSIM)])
    def test_shots_follow_the_circuit(self, place):
        sampler = at(place, n_shots=2_000)
        assert not is_paid(sampler)
        samples = sampler.sample(SK4, seed=1)
        energies = samples.energies.values.ravel()
        error = energies.std(ddof=1) / np.sqrt(len(energies))
        assert_within_errors(energies.mean(), error, samples.info["expected_energy"], what="energy")
        assert samples.info["device"]["path"] == place["backend"]
        assert samples.info["device"]["is_simulator"]

    @pytest.mark.parametrize("place", [AER, pytest.param(DDSIM, marks=NO_DDSIM)])
    def test_a_seed_repeats_them(self, place):
        one, same, other = (at(place).sample(SK4, seed=seed) for seed in (1, 1, 2))
        np.testing.assert_array_equal(one.spins, same.spins)
        assert not np.array_equal(one.spins, other.spins)

    def test_copies_on_the_graph_of_a_backend(self):
        samples = at(GENERIC, n_copies="auto").sample(SK4, seed=1)
        assert samples.info["copies"]["n"] == 2
        assert samples.info["batches"][0]["n_shots"] == 25

    def test_copies_where_any_two_qubits_are_coupled(self):
        """Together they would be 28 qubits."""
        samples = at(AER, n_copies="auto", n_shots=1_400).sample(SK4, seed=1)
        assert samples.info["copies"]["n"] == 7
        spins = samples.spins.values[0, :, 0].reshape(200, 7, 4).astype(float)
        overlaps = (spins[:, 0] * spins[:, 1]).mean(axis=1)
        assert abs(overlaps.mean()) < 4 * overlaps.std() / np.sqrt(200)
        energies = samples.energies.values.ravel()
        error = energies.std(ddof=1) / np.sqrt(len(energies))
        assert_within_errors(energies.mean(), error, samples.info["expected_energy"], what="energy")

    def test_a_provider_is_asked_by_name(self):
        place = {"backend": "qiskit_aer:AerProvider", "backend_name": "aer_simulator"}
        assert at(place).sample(SK4, seed=1).info["device"]["name"] == "aer_simulator"


class TestPurchases:
    def test_what_does_not_say_that_it_simulates_is_paid(self, bought):
        sampler = at(PAID)
        assert is_paid(sampler)
        first, again = (sampler.sample(SK4, seed=1) for _ in range(2))
        np.testing.assert_array_equal(first.spins, again.spins)
        assert again.info["batches"][0]["from_journal"]
        assert len(bought.jobs) == 1

    def test_nothing_is_bought_for_a_look(self, bought):
        told = at(PAID).workload(SK4)
        assert told.paid_seconds is None
        assert not bought.jobs

    def test_after_a_kill_nothing_is_bought_twice(self, bought):
        expected = at(PAID, reuse=False).sample(SK4, seed=1).spins
        bought.jobs.clear()
        bought.faults["result"] = [Killed()]
        with pytest.raises(Killed):
            at(PAID).sample(SK4, seed=1)
        np.testing.assert_array_equal(at(PAID).sample(SK4, seed=1).spins, expected)
        assert len(bought.jobs) == 1

    def test_what_passes_is_waited_for(self, bought):
        bought.faults["result"] = [ConnectionError("gone"), TimeoutError("slow")]
        at(PAID).sample(SK4, seed=1)
        assert len(bought.jobs) == 1

    def test_a_job_whose_id_never_came_is_not_sent_again(self, bought):
        bought.faults["sent"] = [Killed()]
        with pytest.raises(Killed):
            at(PAID).sample(SK4, seed=1)
        with pytest.raises(RunError, match=r"whose id never came: look there.*Remove .*\.json to send it"):
            at(PAID).sample(SK4, seed=1)
        assert len(bought.jobs) == 1

    def test_a_refusal_is_told_and_may_be_tried_again(self, bought):
        bought.faults["run"] = [ValueError("too many shots")]
        with pytest.raises(RunError, match="ValueError: too many shots"):
            at(PAID).sample(SK4, seed=1)
        at(PAID).sample(SK4, seed=1)
        assert len(bought.jobs) == 1

    def test_a_limit_that_cannot_be_held_is_refused(self, bought):
        sampler = at(PAID, max_qpu_seconds=1.0)
        for ask in (sampler.check, sampler.sample):
            with pytest.raises(InputError, match="max_qpu_seconds cannot be held: .* does not say before"):
                ask(SK4)
        assert not bought.jobs


class TestBadInput:
    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({}, "device: backend needs backend, the import path"),
            ({**AER, "dynamical_decoupling": "XX"}, "device 'backend' has no dynamical_decoupling"),
            ({**AER, "twirling": True}, "device 'backend' has no twirling; device: ibm has"),
        ],
    )
    def test_settings(self, settings, message):
        with pytest.raises(InputError, match=message):
            at(settings)

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"backend_name": "x"}, "device 'aer' has no backend_name; device: backend has"),
            ({"dynamical_decoupling": "XY4"}, "device 'aer' has no dynamical_decoupling; device: ibm has"),
            ({"device": "ibm", "backend_options": {"a": 1}}, "device 'ibm' has no backend_options"),
        ],
    )
    def test_a_device_without_an_option_is_named(self, settings, message):
        with pytest.raises(InputError, match=message):
            qspin.get_backend("qaoa", **settings)

    @pytest.mark.parametrize(
        ("place", "message"),
        [
            ({"backend": "fake_manila"}, "expected an import path"),
            ({"backend": "qspin_nowhere:Backend"}, "cannot be imported"),
            ({"backend": "os:getcwd"}, "not a class of BackendV2 or of a provider, or a function"),
            ({"backend": "decimal:Decimal"}, "not a class of BackendV2"),
            ({"backend": "test_vendors:not_one"}, "returns a int; expected a Qiskit BackendV2"),
            ({"backend": "qiskit_aer:AerProvider"}, "backend_name is needed: it has aer_simulator, "),
            (
                {"backend": "qiskit_aer:AerProvider", "backend_name": "aer_simulater"},
                "backend_name 'aer_simulater'.*did you mean 'aer_simulator'",
            ),
            ({**AER, "backend_options": {"colour": 1}}, "AerSimulator"),
            (
                {"backend": "test_vendors:vendor", "backend_options": {"a": 1}},
                "backend_options are keyword arguments of a class, and test_vendors:vendor is a function",
            ),
            (
                {"backend": GENERIC["backend"], "backend_options": {"n": 1}},
                "backend_options of .*: missing a required argument: 'num_qubits'",
            ),
        ],
    )
    def test_what_is_no_backend(self, place, message):
        with pytest.raises(InputError, match=message):
            at(place).check(SK4)

    def test_a_token_is_refused(self):
        with pytest.raises(InputError, match="backend_options.token holds a secret"):
            at({"backend": "qiskit_aer:AerProvider", "backend_options": {"token": "x"}})
