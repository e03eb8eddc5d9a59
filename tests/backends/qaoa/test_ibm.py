"""IBM hardware in local mode, against fake backends, and a stand-in service that fails on demand.

The stand-in runs the same jobs on the same fake backend; it outlives a "process" (it is asked by id and by
label, as the cloud is) and raises what Qiskit Runtime raises, at every stage of a purchase.
"""

from __future__ import annotations

import json
import types
from collections import defaultdict

import numpy as np
import pytest
from ibm_cloud_sdk_core import ApiException
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_ibm_runtime import QiskitRuntimeService
from qiskit_ibm_runtime.api.exceptions import RequestsApiError
from qiskit_ibm_runtime.exceptions import (
    IBMAccountError,
    IBMInputValueError,
    IBMNotAuthorizedError,
    IBMRuntimeError,
    RuntimeInvalidStateError,
    RuntimeJobFailureError,
    RuntimeJobMaxTimeoutError,
    RuntimeJobNotFound,
)
from qspin_backends.common import purchase
from qspin_backends.common.faults import Passing
from qspin_backends.qaoa import ibm, runtime
from requests.exceptions import ConnectionError, ReadTimeout

import qspin
from qspin.errors import CapacityError, InputError, RunError

SK4 = qspin.instances.sherrington_kirkpatrick(4, seed=2)
TOKEN = "a-token-that-nobody-may-read"


class Killed(BaseException):
    """The process dies here."""


def refused(status):
    """An error as Qiskit Runtime raises it for an HTTP status."""
    try:
        try:
            raise RequestsApiError(f"{status} Client Error: no {TOKEN}", status)
        except RequestsApiError as error:
            raise IBMRuntimeError(f"Failed to run program: {error}") from None
    except IBMRuntimeError as error:
        return error


class Job:
    """A job at the stand-in."""

    def __init__(self, cloud, job_id, work):
        self._cloud, self._id, self._work = cloud, job_id, work
        self.cancelled = False

    def job_id(self):
        return self._id

    def result(self):
        self._cloud.fail("result")
        if self.cancelled:
            raise RuntimeInvalidStateError("Job was cancelled.")
        return self._cloud.altered(self._work.result())

    def metrics(self):
        return {"usage": {"quantum_seconds": 1.5}}

    def cancel(self):
        self._cloud.fail("cancel")
        self.cancelled = True


class Cloud:
    """Jobs by id and by label; faults by stage, raised once each."""

    def __init__(self):
        self.backend = QiskitRuntimeService(channel="local").backend("fake_manila")
        self.jobs, self.labels = {}, {}
        self.faults = defaultdict(list)
        self.altered = lambda result: result
        self.unlisted = 0  # questions by label for which a job is not listed yet

    def fail(self, stage):
        if self.faults[stage]:
            raise self.faults[stage].pop(0)

    def open(self, access):
        self.fail("open")
        return StandIn(self)


class StandIn(runtime.Runtime):
    """Takes itself for the cloud."""

    def __init__(self, cloud):
        super().__init__(None, cloud.backend)
        self.cloud = cloud

    def submitted(self, circuit, n_shots, label, seed, limit, **options):
        cloud = self.cloud
        with runtime.translated():
            cloud.fail("submit")
        self.is_local = True
        work = super().submitted(circuit, n_shots, label, seed, limit, **options)
        job = Job(cloud, f"job-{len(cloud.jobs)}", work)
        self.is_local = False
        cloud.jobs[job.job_id()] = job
        cloud.labels[label] = job
        with runtime.translated():
            cloud.fail("submitted")
        return job

    def by_label(self, label):
        with runtime.translated():
            self.cloud.fail("list")
        if self.cloud.unlisted:
            self.cloud.unlisted -= 1
            return None
        return self.cloud.labels.get(label)

    def by_id(self, job_id):
        with runtime.translated():
            self.cloud.fail("fetch")
            if job_id not in self.cloud.jobs:
                raise RuntimeJobNotFound(f"Job not found: {job_id}")
        return self.cloud.jobs[job_id]


@pytest.fixture
def cloud(monkeypatch, tmp_path):
    monkeypatch.setenv("QSPIN_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("QISKIT_IBM_TOKEN", TOKEN)
    monkeypatch.setattr(purchase, "UNLISTED_SECONDS", 0.3)
    cloud = Cloud()
    monkeypatch.setattr(ibm, "opened", cloud.open)
    return cloud


@pytest.fixture
def local(monkeypatch, tmp_path):
    monkeypatch.setenv("QSPIN_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data" / "qaoa"


def hardware(**settings):
    return qspin.get_backend("qaoa", **{"device": "ibm", "n_shots": 50, "retry_pause": 0.001, **settings})


def on_this_machine(**settings):
    return hardware(**{"channel": "local", "backend": "fake_manila", **settings})


class TestLocalMode:
    def test_shots_of_a_fake_backend(self, local):
        samples = on_this_machine(n_shots=2_000, depth=2).sample(SK4, seed=1)
        assert samples.spins.shape == (1, 2_000, 1, 4)
        assert samples.info["device"]["name"] == "fake_manila"
        assert samples.info["circuit"]["n_qubits"] == 5
        assert set(samples.info["circuit"]["gates"]) <= {"cx", "rz", "sx", "x", "barrier", "measure"}
        noisy, exact = float(samples.energies.mean()), samples.info["expected_energy"]
        assert exact < noisy < 0.3 * exact

    def test_a_study_moves_by_changing_one_word(self):
        settings = {"device": "aer", "backend": "fake_manila", "n_shots": 20}
        assert qspin.get_backend("qaoa", **settings).sample(SK4, seed=1).spins.shape == (1, 20, 1, 4)
        moved = qspin.get_backend("qaoa", **{**settings, "device": "ibm"}, channel="local")
        assert moved.sample(SK4, seed=1).spins.shape == (1, 20, 1, 4)

    def test_the_same_seed_is_answered_from_the_journal(self, local):
        first, again, other = (on_this_machine().sample(SK4, seed=seed) for seed in (1, 1, 2))
        np.testing.assert_array_equal(first.spins, again.spins)
        assert not np.array_equal(first.spins, other.spins)
        assert [s.info["batches"][0]["from_journal"] for s in (first, again, other)] == [False, True, False]
        assert len(list(local.glob("*.npz"))) == 4  # programs and answers

    def test_without_reuse_it_is_run_again(self, local):
        for _ in range(2):
            batch = on_this_machine(reuse=False).sample(SK4, seed=1).info["batches"][0]
            assert not batch["from_journal"]

    def test_jobs_of_one_call_are_independent(self, local, monkeypatch):
        monkeypatch.setattr(ibm, "shots_a_job", lambda backend: 500)
        samples = on_this_machine(n_shots=1_000).sample(SK4, seed=1)
        assert len(samples.info["batches"]) == 2
        one, other = samples.spins.values[0, :, 0].reshape(2, 500, 4).astype(float)
        overlaps = (one * other).mean(axis=1)
        assert abs(overlaps.mean()) < 4 * overlaps.std() / np.sqrt(500)

    @pytest.mark.parametrize(
        ("settings", "error", "message"),
        [
            ({"backend": "ibm_nowhere"}, InputError, "no backend 'ibm_nowhere'.*there are: .*fake_manila"),
            ({}, CapacityError, "6 spins need as many qubits; fake_manila has 5"),
        ],
    )
    def test_what_cannot_run(self, local, settings, error, message):
        sampler = on_this_machine(**settings)
        for ask in (sampler.check, sampler.sample):
            with pytest.raises(error, match=message):
                ask(qspin.instances.sherrington_kirkpatrick(6, seed=1))

    def test_an_interrupted_local_job_is_run_again(self, local, monkeypatch):
        class Dying(runtime.Runtime):
            def submitted(self, *arguments):
                super().submitted(*arguments)
                raise Killed

        real = runtime.Runtime
        monkeypatch.setattr(runtime, "Runtime", Dying)
        with pytest.raises(Killed):
            on_this_machine().sample(SK4, seed=1)
        monkeypatch.setattr(runtime, "Runtime", real)
        assert on_this_machine().sample(SK4, seed=1).spins.shape == (1, 50, 1, 4)


PASSING = {
    "network": ConnectionError("unreachable"),
    "timeout": ReadTimeout("slow"),
    "busy": refused(429),
    "server": refused(503),
}


class TestFaults:
    @pytest.mark.parametrize("fault", PASSING)
    @pytest.mark.parametrize("stage", ["open", "submit", "submitted", "result"])
    def test_what_passes_is_waited_for(self, cloud, stage, fault):
        expected = on_this_machine_like(cloud)
        error = PASSING[fault] if stage != "open" else Passing("ConnectionError: unreachable")
        cloud.faults[stage] = [error, error]
        samples = hardware().sample(SK4, seed=1)
        np.testing.assert_array_equal(samples.spins, expected)
        assert len(cloud.jobs) == 1, "a job was bought twice"

    @pytest.mark.parametrize("stage", ["submit", "submitted", "result"])
    def test_after_a_kill_nothing_is_bought_twice(self, cloud, stage):
        expected = on_this_machine_like(cloud)
        cloud.faults[stage] = [Killed()]
        with pytest.raises(Killed):
            hardware().sample(SK4, seed=1)
        bought = len(cloud.jobs)
        samples = hardware().sample(SK4, seed=1)
        np.testing.assert_array_equal(samples.spins, expected)
        assert len(cloud.jobs) == max(bought, 1)

    def test_a_job_that_is_not_listed_yet_is_asked_for_again(self, cloud, monkeypatch):
        monkeypatch.setattr(purchase, "UNLISTED_SECONDS", 5.0)
        expected = on_this_machine_like(cloud)
        cloud.faults["submitted"] = [Killed()]
        with pytest.raises(Killed):
            hardware().sample(SK4, seed=1)
        cloud.unlisted = 2
        samples = hardware().sample(SK4, seed=1)
        np.testing.assert_array_equal(samples.spins, expected)
        assert len(cloud.jobs) == 1

    def test_a_job_that_was_cancelled_elsewhere(self, cloud):
        cloud.faults["result"] = [Killed()]
        with pytest.raises(Killed):
            hardware().sample(SK4, seed=1)
        next(iter(cloud.jobs.values())).cancelled = True
        hardware().sample(SK4, seed=1)
        assert len(cloud.jobs) == 2

    def test_ctrl_c_cancels_and_says_so(self, cloud):
        cloud.faults["result"] = [KeyboardInterrupt()]
        with pytest.raises(KeyboardInterrupt, match="cancelled job job-0 at fake_manila; run again"):
            hardware().sample(SK4, seed=1)
        assert cloud.jobs["job-0"].cancelled

    def test_ctrl_c_when_the_job_has_just_ended(self, cloud):
        cloud.faults["result"] = [KeyboardInterrupt()]
        cloud.faults["cancel"] = [RuntimeInvalidStateError("Job cannot be cancelled")]
        with pytest.raises(
            KeyboardInterrupt, match="job job-0 could no longer be cancelled; its answer will"
        ):
            hardware().sample(SK4, seed=1)
        hardware().sample(SK4, seed=1)
        assert len(cloud.jobs) == 1

    def test_ctrl_c_while_the_network_is_gone(self, cloud):
        cloud.faults["result"] = [KeyboardInterrupt()]
        cloud.faults["cancel"] = [ConnectionError("unreachable")]
        with pytest.raises(KeyboardInterrupt, match="could not be cancelled .ConnectionError."):
            hardware().sample(SK4, seed=1)

    @pytest.mark.parametrize(
        ("stage", "error", "message"),
        [
            ("submit", refused(400), r"the service refused it \(400\)"),
            ("submit", IBMInputValueError("too many shots"), "the service refused it: 'too many shots'"),
            ("submit", refused(401), r"the token was refused \(401\): renew it.*QISKIT_IBM_TOKEN"),
            ("submit", IBMNotAuthorizedError("expired"), "the token was refused"),
            ("result", RuntimeJobFailureError("calibration"), "the job failed"),
            ("result", RuntimeJobMaxTimeoutError("too long"), "the job failed"),
        ],
    )
    def test_what_does_not_pass(self, cloud, stage, error, message):
        cloud.faults[stage] = [error]
        with pytest.raises(RunError, match=message) as caught:
            hardware().sample(SK4, seed=1)
        assert TOKEN not in str(caught.value)
        hardware().sample(SK4, seed=1)

    def test_a_job_that_the_service_forgot(self, cloud):
        cloud.faults["result"] = [Killed()]
        with pytest.raises(Killed):
            hardware().sample(SK4, seed=1)
        cloud.jobs.clear()
        with pytest.raises(
            RunError, match=r"job job-0 is in the journal and the server does not know it.*\.json"
        ):
            hardware().sample(SK4, seed=1)

    @pytest.mark.parametrize(
        "altered",
        [
            lambda result: [],
            lambda result: [types.SimpleNamespace(data=types.SimpleNamespace())],
            lambda result: [types.SimpleNamespace(data=types.SimpleNamespace(meas=result[0].data.meas[:1]))],
            lambda result: None,
        ],
    )
    def test_an_answer_that_is_none(self, cloud, altered):
        cloud.altered = altered
        with pytest.raises(RunError, match=r"could not be had in 3 attempts; the last one met Malformed"):
            hardware(retries=2).sample(SK4, seed=1)
        cloud.altered = lambda result: result
        assert not hardware().sample(SK4, seed=1).info["batches"][0]["from_journal"]
        assert len(cloud.jobs) == 1

    def test_a_run_resumes(self, cloud, tmp_path):
        expected = on_this_machine_like(cloud)
        cloud.faults["result"] = [Killed()]
        with pytest.raises(Killed), qspin.checkpointing(tmp_path / "c"):
            hardware(reuse=False).sample(SK4, seed=1)
        with qspin.checkpointing(tmp_path / "c"):
            samples = hardware(reuse=False).sample(SK4, seed=1)
        np.testing.assert_array_equal(samples.spins, expected)
        assert len(cloud.jobs) == 1


PAIR = qspin.IsingProblem([[0, -1], [-1, 0]], [0.3, 0.0])
OPTIONS = {"dynamical_decoupling": "XY4", "twirling": True}


class TestCopiesAndOptions:
    @pytest.mark.parametrize("stage", ["submit", "submitted", "result"])
    @pytest.mark.parametrize("settings", [{"n_copies": 2}, {"depths": [1, 2], **OPTIONS}])
    def test_after_a_kill_nothing_is_bought_twice(self, cloud, stage, settings):
        expected = hardware(reuse=False, **settings).sample(PAIR, seed=1)
        cloud.jobs.clear()
        cloud.labels.clear()
        cloud.faults[stage] = [Killed()]
        with pytest.raises(Killed):
            hardware(**settings).sample(PAIR, seed=1)
        samples = hardware(**settings).sample(PAIR, seed=1)
        np.testing.assert_array_equal(samples.spins, expected.spins)
        assert len(cloud.jobs) == samples.spins.shape[0]

    def test_copies_cost_less(self, cloud):
        one, two = (hardware(n_shots=8_000, n_copies=n).workload(PAIR).paid_seconds for n in (1, 2))
        assert two - 2 == pytest.approx((one - 2) / 2, rel=0.02)  # 2 s of a job beside its shots
        with pytest.raises(InputError, match="expected to take 4.0"):
            hardware(n_shots=8_000, max_qpu_seconds=3.5).check(PAIR)
        hardware(n_shots=8_000, n_copies=2, max_qpu_seconds=3.5).check(PAIR)

    def test_a_budget_is_held_by_all_depths_together(self, cloud):
        sampler = hardware(depths=[1, 2], max_qpu_seconds=3.0)
        for ask in (sampler.check, sampler.sample):
            with pytest.raises(InputError, match=r"100 shots in 2 jobs are expected to take 4.0\d s"):
                ask(PAIR)
        assert not cloud.jobs

    def test_options_reach_the_sampler_of_qiskit_runtime(self, cloud, monkeypatch):
        seen = {}

        def submitted(self, circuit, n_shots, label, seed, limit, **options):
            seen.update(options)
            raise Killed

        monkeypatch.setattr(StandIn, "submitted", submitted)
        with pytest.raises(Killed):
            hardware(n_shots=1_000, **OPTIONS).sample(PAIR, seed=1)
        assert seen["dynamical_decoupling"] == {"enable": True, "sequence_type": "XY4"}
        assert seen["twirling"]["enable_gates"]
        assert seen["twirling"]["enable_measure"]

    @pytest.mark.parametrize("n_shots", [1, 31, 50, 1_000, 8_192])
    def test_random_frames_give_as_many_shots_at_least(self, n_shots):
        options = runtime.Options(twirling=True)
        frames = options.plain(n_shots)["twirling"]
        assert frames["num_randomizations"] <= 32
        total = frames["num_randomizations"] * frames["shots_per_randomization"]
        assert n_shots <= total == options.n_answered(n_shots) < n_shots + 1 + n_shots / 32

    def test_what_they_are_is_part_of_a_purchase(self, cloud, tmp_path):
        for settings in ({}, {"n_copies": 2}, {"layout": [3, 4]}, {"twirling": True}):
            assert not hardware(**settings).sample(PAIR, seed=1).info["batches"][0]["from_journal"]
        assert hardware().sample(PAIR, seed=1).info["batches"][0]["from_journal"]

    @pytest.mark.parametrize("settings", [OPTIONS, {"twirling": True}, {"n_copies": 2}, {"layout": [3, 4]}])
    def test_shots_follow_the_circuit_but_for_noise(self, local, settings):
        samples = on_this_machine(n_shots=2_000, **settings).sample(PAIR, seed=1)
        exact = samples.info["expected_energy"]
        assert exact < samples.energies.values.mean() < 0.5 * exact

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            (
                {"dynamical_decoupling": "XX"},
                "fills idle times with X gates, and generic_backend_5q states no",
            ),
            (
                {"twirling": True},
                "twirling needs a two-qubit gate out of cx, cz, ecr; generic_backend_5q has",
            ),
        ],
    )
    def test_a_device_without_what_an_option_needs(self, cloud, settings, message):
        cloud.backend = GenericBackendV2(5, basis_gates=["rxx", "rz", "sx"], seed=1)
        sampler = hardware(**settings)
        for ask in (sampler.check, sampler.sample):
            with pytest.raises(InputError, match=message):
                ask(PAIR)


class TestCost:
    def test_it_is_told_before_and_nothing_is_bought(self, cloud):
        sampler = hardware(n_shots=1_000)
        told = sampler.workload(SK4)
        assert not cloud.jobs
        assert told.kernel == "qaoa ibm"
        assert told.paid_seconds == sampler.sample(SK4, seed=1).info["expected_qpu_seconds"]

    def test_it_is_estimated_and_charged(self, cloud):
        info = hardware(n_shots=1_000).sample(SK4, seed=1).info
        assert info["expected_qpu_seconds"] == pytest.approx(2 + 1_000 * 250e-6, rel=0.1)
        assert info["batches"][0]["qpu_seconds"] == 1.5
        assert info["clocks"]["device"] == 1.5

    @pytest.mark.parametrize("angles", ["table", "optimise"])
    def test_a_budget_is_held_before_anything_is_bought(self, cloud, angles):
        sampler = hardware(n_shots=1_000, max_qpu_seconds=2.0, angles=angles)
        for ask in (sampler.check, sampler.sample):
            with pytest.raises(InputError, match=r"expected to take 2.2\d s of QPU time.*nothing was bought"):
                ask(SK4)
        assert not cloud.jobs
        hardware(n_shots=1_000, max_qpu_seconds=3.0).sample(SK4, seed=1)

    def test_what_is_in_the_journal_costs_nothing(self, cloud):
        hardware().sample(SK4, seed=1)
        hardware(max_qpu_seconds=0.1).sample(SK4, seed=1)
        assert len(cloud.jobs) == 1


class TestToken:
    def test_without_an_account(self, monkeypatch, tmp_path):
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setattr(
            "qiskit_ibm_runtime.QiskitRuntimeService.__init__",
            lambda *_, **__: (_ for _ in ()).throw(IBMAccountError("Unable to find account.")),
        )
        monkeypatch.setattr(
            "qiskit_ibm_runtime.QiskitRuntimeService.__new__", lambda cls, *_, **__: object.__new__(cls)
        )
        for ask in (hardware().check, hardware().sample):
            with pytest.raises(
                InputError, match="needs an IBM Quantum API key: set it in the environment .QISKIT_IBM_TOKEN"
            ):
                ask(SK4)

    def test_an_expired_token_is_bad_input(self, monkeypatch):
        def expired(access):
            with runtime.translated():
                raise ApiException(400, message=f"Provided API key {TOKEN} could not be found.")

        monkeypatch.setenv("QISKIT_IBM_TOKEN", TOKEN)
        monkeypatch.setattr(ibm, "opened", expired)
        for ask in (hardware().check, hardware().sample):
            with pytest.raises(InputError, match=r"the token was refused \(400\): renew it") as caught:
                ask(SK4)
            assert TOKEN not in str(caught.value)

    def test_it_is_written_nowhere(self, cloud, tmp_path, capfd):
        cloud.faults["submit"] = [ConnectionError(f"no route with {TOKEN}")]
        hardware().sample(SK4, seed=1).save(tmp_path / "a.nc")
        cloud.faults["submit"] = [refused(400)]
        with pytest.raises(RunError):
            hardware().sample(SK4, seed=2)
        written = capfd.readouterr()
        assert TOKEN not in written.out + written.err
        for file in tmp_path.rglob("*"):
            if file.is_file():
                assert TOKEN.encode() not in file.read_bytes()

    def test_the_journal_holds_what_was_asked(self, cloud, tmp_path):
        hardware(depth=2).sample(SK4, seed=1)
        entry = json.loads(next((tmp_path / "data" / "qaoa").glob("*.json")).read_text())
        assert entry["status"] == "answered"
        assert entry["record"]["settings"]["depth"] == 2
        assert entry["record"]["origin"]["name"] == "table"
        program = np.load(next((tmp_path / "data" / "qaoa").glob("*.program.npz")))
        assert program["gamma"].shape == (2,)


def on_this_machine_like(cloud):
    """What the stand-in answers when nothing goes wrong, bought under another name."""
    spins = hardware(reuse=False).sample(SK4, seed=1).spins.values
    cloud.jobs.clear()
    cloud.labels.clear()
    return spins
