"""The QPU path against a stand-in of the cloud: nothing paid is lost, nothing is bought twice, no token
leaks.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from conftest import qspin as qspin_process
from forks import forking
from kills import buy_all
from qspin_backends.common import purchase
from qspin_backends.common.journal import Entry
from sapi import RECORDED, SOLVER, TEMPERATURE, TOKEN, Fault, Sapi, environment, qpu, serving

import qspin
from qspin.errors import CapacityError, InputError, RunError

PROGRAMMINGS = 4

of_the_stand_in = pytest.mark.skipif(RECORDED is not None, reason="numbers of the stand-in's own solver")


@pytest.fixture
def cloud(monkeypatch, tmp_path):
    """A stand-in server, and an environment that leads to it with a journal of its own."""
    monkeypatch.setattr(purchase, "UNLISTED_SECONDS", 0.3)
    with serving(Sapi()) as sapi:
        for name, value in environment(sapi, tmp_path).items():
            monkeypatch.setenv(name, value)
        yield sapi


@pytest.fixture
def glass8():
    return qspin.instances.sherrington_kirkpatrick(8, seed=2)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What the server answers when nothing goes wrong, bought with a journal of its own."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with serving(Sapi()) as sapi, pytest.MonkeyPatch.context() as patch:
        for name, value in environment(sapi, folder).items():
            patch.setenv(name, value)
        samples = qpu().sample(qspin.instances.sherrington_kirkpatrick(8, seed=2), seed=1)
        assert sapi.bought == PROGRAMMINGS
    return samples


def flip_on_device(properties, qubits):
    return {qubits[0]: 1e-4}


def no_biases(properties, qubits):
    return [1e-4]


class TestAnswers:
    def test_reads_are_those_of_the_device(self, cloud, glass8):
        samples = qpu(betas=[0.3, 0.6], n_reads=200, n_gauges=4).sample(glass8, seed=3)
        factor = samples.info["pipeline"]["scaling"]["factor"]
        dataset = samples.dataset
        expected = np.array([0.3, 0.6]) * factor / TEMPERATURE
        deviation = (dataset.beta_effective.values - expected) / dataset.beta_effective_error.values
        assert (np.abs(deviation) < 4).all()
        assert np.isnan(samples.betas).all()

    def test_original_labels_and_fields_come_back(self, cloud):
        problem = qspin.IsingProblem.from_edges(
            3, [0, 1], [1, 2], [-0.4, 0.5], fields=[0.9, 0.0, 0.0], labels=["a", ("b", 1), 7]
        )
        samples = qpu(betas=[3.0]).sample(problem, seed=1)
        assert list(samples.labels) == ["a", ("b", 1), 7]
        np.testing.assert_allclose(samples.energies.values, problem.energies(samples.spins.values))
        assert (samples.best.spins == [-1, -1, 1]).all()

    @of_the_stand_in
    def test_info_tells_every_stage_and_time(self, cloud, glass8):
        info = qpu().sample(glass8, seed=1).info
        assert info["device"]["name"] == SOLVER
        assert info["pipeline"]["embedding"]["method"] == "clique"
        assert info["pipeline"]["anneal"]["annealing_time"] == 20.0
        assert [batch["problem_id"] for batch in info["batches"]] == sorted(cloud.problems)
        assert info["batches"][0]["timing"]["qpu_access_time"] == 16000.0
        assert info["clocks"]["device"] == pytest.approx(PROGRAMMINGS * 0.016)
        assert info["expected_qpu_seconds"] > 0.05
        assert {"prepare", "queue", "device", "sample"} <= set(info["clocks"])

    def test_what_it_will_take_is_told_before_and_buys_nothing(self, cloud, glass8):
        told = qpu().workload(glass8)
        assert cloud.bought == 0
        assert told.kernel == "annealer qpu"
        assert told.paid_seconds == qpu().sample(glass8, seed=1).info["expected_qpu_seconds"]

    def test_what_a_solver_does_not_publish_is_not_known(self, cloud, glass8):
        cloud.properties["problem_timing_data"] = None
        assert qpu().workload(glass8).paid_seconds is None

    @of_the_stand_in
    def test_calls_stay_within_the_limits_of_the_device(self, cloud, glass8):
        qpu(n_reads=120, n_gauges=1, betas=[1.0]).sample(glass8, seed=1)
        assert [p.job["params"]["num_reads"] for p in cloud.problems.values()] == [50, 50, 20]

    @of_the_stand_in
    def test_a_long_anneal_means_fewer_reads_a_call(self, cloud, glass8):
        cloud.properties["problem_run_duration_range"] = [0.0, 20_000.0]
        qpu(n_reads=20, n_gauges=1, betas=[1.0], annealing_time=2000.0).sample(glass8, seed=1)
        assert [p.job["params"]["num_reads"] for p in cloud.problems.values()] == [10, 10]

    def test_the_anneal_is_passed_on(self, cloud, glass8):
        qpu(
            anneal_schedule=[(0.0, 1.0), (5.0, 0.4), (10.0, 1.0)],
            initial_state=[1, -1] * 4,
            reinitialize_state=False,
            reduce_intersample_correlation=True,
            flux_drift_compensation=False,
            flux_biases="test_qpu:flip_on_device",
            betas=[1.0],
            n_gauges=0,
        ).sample(glass8, seed=1)
        (problem,) = cloud.problems.values()
        params = problem.job["params"]
        assert params["anneal_schedule"] == [[0.0, 1.0], [5.0, 0.4], [10.0, 1.0]]
        assert sorted(set(params["initial_state"])) == [-1, 1, 3]
        assert params["reinitialize_state"] is False
        assert params["reduce_intersample_correlation"] is True
        assert params["flux_drift_compensation"] is False
        assert sum(map(abs, params["flux_biases"])) == pytest.approx(1e-4)

    def test_a_study_moves_by_changing_one_word(self, cloud, glass8):
        settings = {"betas": [1.0], "n_reads": 10, "topology": "zephyr", "size": 2, "physics": "thermal"}
        simulated, real = (
            qspin.get_backend("annealer", device=device, **settings).sample(glass8, seed=1)
            for device in ("simulated", "qpu")
        )
        assert set(simulated.dataset) == set(real.dataset)
        assert simulated.spins.shape == real.spins.shape


class TestReuse:
    def test_the_same_request_is_not_bought_again(self, cloud, glass8):
        first = qpu().sample(glass8, seed=1)
        again = qpu(unembedding="minimize_energy").sample(glass8, seed=1)
        assert cloud.bought == PROGRAMMINGS
        np.testing.assert_array_equal(first.dataset.chain_break_fraction, again.dataset.chain_break_fraction)
        assert all(batch["from_journal"] for batch in again.info["batches"])
        assert again.info["clocks"]["device"] == 0

    @pytest.mark.parametrize(
        "change", [{"seed": 2}, {"n_reads": 22}, {"betas": [0.5, 1.1]}, {"reuse": False}]
    )
    def test_another_request_is(self, cloud, glass8, change):
        change = dict(change)
        qpu().sample(glass8, seed=1)
        qpu(**{k: v for k, v in change.items() if k != "seed"}).sample(glass8, seed=change.get("seed", 1))
        assert cloud.bought == 2 * PROGRAMMINGS

    def test_without_reuse_a_checkpoint_still_finds_what_it_bought(self, cloud, glass8, tmp_path):
        cloud.faults = [Fault("submit", 400, skip=2)]
        with pytest.raises(RunError), qspin.checkpointing(tmp_path / "c"):
            qpu(reuse=False).sample(glass8)
        with qspin.checkpointing(tmp_path / "c"):
            samples = qpu(reuse=False).sample(glass8)
        assert cloud.bought == PROGRAMMINGS
        assert [batch["from_journal"] for batch in samples.info["batches"]] == [True, True, False, False]

    def test_a_damaged_answer_is_fetched_again_by_its_id(self, cloud, glass8, tmp_path, undisturbed):
        qpu().sample(glass8, seed=1)
        answers = [f for f in (tmp_path / "data" / "annealer").glob("*.npz") if "program" not in f.name]
        answers[0].write_bytes(answers[0].read_bytes()[:50])
        samples = qpu().sample(glass8, seed=1)
        assert cloud.bought == PROGRAMMINGS
        assert_same(samples, undisturbed)


PASSING = [
    ("solvers", "drop", False),
    ("solvers", 500, False),
    ("solvers", 429, False),
    ("submit", "drop", False),
    ("submit", "drop", True),
    ("submit", 500, False),
    ("submit", 500, True),
    ("submit", 503, True),
    ("submit", 429, False),
    ("submit", "malformed", True),
    ("submit", "delay", False),
    ("poll", "drop", False),
    ("poll", 500, False),
    ("poll", 429, False),
    ("poll", "malformed", False),
    ("poll", "delay", False),
    ("answer", "drop", False),
    ("answer", 500, False),
    ("answer", 429, False),
    ("answer", "malformed", False),
    ("answer", "truncated", False),
    ("answer", "delay", False),
]


def assert_same(samples, expected):
    for name in expected.dataset:
        np.testing.assert_array_equal(samples.dataset[name], expected.dataset[name], err_msg=name)


class TestFaults:
    @pytest.mark.parametrize(("stage", "kind", "after"), PASSING)
    def test_faults_that_pass_change_nothing(self, cloud, glass8, undisturbed, stage, kind, after):
        cloud.faults = [Fault(stage, kind, times=2, after=after)]
        samples = qpu().sample(glass8, seed=1)
        assert_same(samples, undisturbed)
        assert cloud.bought == PROGRAMMINGS
        assert cloud.faults[0].times == 0

    def test_a_lost_reply_and_a_failing_search_for_it(self, cloud, glass8, undisturbed):
        cloud.faults = [Fault("submit", "drop", after=True), Fault("label", 500, times=2)]
        assert_same(qpu().sample(glass8, seed=1), undisturbed)
        assert cloud.bought == PROGRAMMINGS

    @pytest.mark.parametrize("stage", ["submit", "poll", "answer"])
    def test_an_expired_token_is_said_at_once_and_loses_nothing(self, cloud, glass8, undisturbed, stage):
        cloud.faults = [Fault(stage, 401, skip=1)]
        with pytest.raises(RunError, match=r"token was refused \(401\): renew it") as error:
            qpu().sample(glass8, seed=1)
        assert TOKEN not in str(error.value)
        assert_same(qpu().sample(glass8, seed=1), undisturbed)
        assert cloud.bought == PROGRAMMINGS

    @pytest.mark.parametrize("kind", [400, "failed"])
    def test_a_refused_problem_is_not_sent_again(self, cloud, glass8, undisturbed, kind):
        cloud.faults = [Fault("submit", kind, skip=1)]
        with pytest.raises(RunError, match="refused it"):
            qpu().sample(glass8, seed=1)
        assert cloud.requests.count("submit") == 2
        assert_same(qpu().sample(glass8, seed=1), undisturbed)
        assert cloud.bought == PROGRAMMINGS

    def test_a_problem_that_the_server_forgot_is_not_bought_again_unasked(self, cloud, glass8, tmp_path):
        cloud.faults = [Fault("answer", 401)]
        with pytest.raises(RunError):
            qpu().sample(glass8, seed=1)
        cloud.problems.clear()
        with pytest.raises(
            RunError, match="the server does not know it: was it sent with the token of"
        ) as error:
            qpu().sample(glass8, seed=1)
        assert cloud.bought == 0
        file = next((tmp_path / "data" / "annealer").glob("*.json"))
        assert str(file) in str(error.value)
        file.unlink()
        qpu().sample(glass8, seed=1)
        assert cloud.bought == PROGRAMMINGS

    def test_a_fault_that_stays_ends_with_what_to_do(self, cloud, glass8, undisturbed):
        cloud.faults = [Fault("answer", "malformed", times=3)]
        with pytest.raises(
            RunError, match=r"problem \d+-id could not be had in 3 attempts.*buys nothing twice"
        ):
            qpu(retries=2).sample(glass8, seed=1)
        assert_same(qpu().sample(glass8, seed=1), undisturbed)
        assert cloud.bought == PROGRAMMINGS

    def test_an_unreachable_server(self, cloud, glass8, monkeypatch):
        monkeypatch.setenv("DWAVE_API_ENDPOINT", "http://127.0.0.1:9/sapi/v2/")
        with pytest.raises(RunError, match="the list of solvers could not be had in 1 attempts"):
            qpu(retries=0).sample(glass8, seed=1)


class Clock:
    """In the place of the module `time`: nothing passes but what is waited."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class TestKilled:
    @pytest.mark.parametrize(
        ("stage", "after", "skip"),
        [
            ("solvers", False, 0),  # nothing is journalled yet
            ("submit", False, 0),  # journalled, not accepted
            ("submit", True, 0),  # accepted, its id unknown
            ("poll", False, 0),  # id known, waiting
            ("answer", False, 0),  # solved, not fetched
            ("submit", False, 1),  # the first answer is on disk
            ("submit", True, 3),  # the last one accepted
            ("answer", False, 3),
        ],
    )
    def test_a_killed_process_finds_everything_again(
        self, cloud, glass8, undisturbed, tmp_path, stage, after, skip
    ):
        cloud.faults = [Fault(stage, "kill", after=after, skip=skip)]
        output = tmp_path / "samples.nc"
        process = forking().Process(target=buy_all, args=(environment(cloud, tmp_path), str(output)))
        process.start()
        cloud.kill = process.kill
        process.join(120)
        assert process.exitcode == -signal.SIGKILL
        assert not output.exists()
        assert_same(qpu().sample(glass8, seed=1), undisturbed)
        assert cloud.bought == PROGRAMMINGS

    @pytest.mark.parametrize(
        ("seconds", "waits"), [(0, True), (200, True), (-200, True), (400, False), (-400, False)]
    )
    def test_how_long_a_note_is_recent(self, cloud, glass8, monkeypatch, tmp_path, seconds, waits):
        """Half a minute ago by a clock that is minutes off is just now; long ago is long ago."""
        monkeypatch.setattr(purchase, "time", Clock())
        monkeypatch.setattr(purchase, "UNLISTED_SECONDS", 1.0)
        cloud.faults = [Fault("submit", 401)]
        with pytest.raises(RunError):
            qpu().sample(glass8, seed=1)
        file = next((tmp_path / "data" / "annealer").glob("*.json"))
        then = datetime.now(UTC) - timedelta(seconds=seconds)
        state = {**json.loads(file.read_text()), "status": "sent", "changed": then.isoformat()}
        file.write_text(json.dumps(state))
        assert Entry(file.stem, file.parent).age() == pytest.approx(seconds, abs=30)
        qpu(n_gauges=1, betas=[1.0]).sample(glass8, seed=9)  # of another entry
        before = cloud.requests.count("label")
        qpu().sample(glass8, seed=1)
        assert (cloud.requests.count("label") - before > 2) == waits

    def test_what_is_not_listed_yet_is_asked_for_again(self, cloud, glass8, undisturbed, monkeypatch):
        monkeypatch.setattr(purchase, "UNLISTED_SECONDS", 3.0)
        cloud.listing = 1.0
        cloud.faults = [Fault("submit", "drop", after=True)]
        assert_same(qpu().sample(glass8, seed=1), undisturbed)
        assert cloud.bought == PROGRAMMINGS

    def test_ctrl_c_before_it_is_listed_says_that_it_may_run(self, cloud, glass8, monkeypatch):
        monkeypatch.setattr(purchase, "UNLISTED_SECONDS", 30.0)
        cloud.listing = 60.0
        main = threading.main_thread().ident
        cloud.kill = lambda: signal.pthread_kill(main, signal.SIGINT)
        cloud.faults = [Fault("submit", "drop", after=True), Fault("label", "orphan", skip=1)]
        with pytest.raises(KeyboardInterrupt, match="is not listed by .* yet: it may run and be charged"):
            qpu().sample(glass8, seed=1)

    def test_ctrl_c_cancels_what_runs_and_says_so(self, cloud, glass8, undisturbed, tmp_path):
        cloud.latency = 600.0  # it runs until it is cancelled, however late a loaded machine asks
        main = threading.main_thread().ident
        cloud.kill = lambda: signal.pthread_kill(main, signal.SIGINT)
        cloud.faults = [Fault("poll", "kill")]
        with pytest.raises(KeyboardInterrupt, match=f"cancelled problem 00000000-id at {SOLVER}.*--resume"):
            qpu().sample(glass8, seed=1)
        assert cloud.cancelled == ["00000000-id"]
        cloud.latency = 0.0
        assert_same(qpu().sample(glass8, seed=1), undisturbed)
        assert cloud.bought == PROGRAMMINGS

    def test_a_problem_that_was_solved_before_it_could_be_cancelled_is_kept(self, cloud, glass8, undisturbed):
        cloud.latency = 0.3
        main = threading.main_thread().ident
        cloud.kill = lambda: signal.pthread_kill(main, signal.SIGINT)
        cloud.faults = [Fault("poll", "kill"), Fault("cancel", 500)]
        with pytest.raises(KeyboardInterrupt, match="could not be cancelled.*may still be charged"):
            qpu().sample(glass8, seed=1)
        assert_same(qpu().sample(glass8, seed=1), undisturbed)
        assert cloud.bought == PROGRAMMINGS

    def test_a_run_of_the_command_line_resumes(self, cloud, tmp_path):
        config = tmp_path / "run.yaml"
        config.write_text(
            "schema: 2\nname: paid\nseed: 1\n"
            "problems: {glass: {kind: sherrington_kirkpatrick, n_spins: 8, seed: 2}}\n"
            "backends: {qpu: {name: annealer, device: qpu, n_reads: 20, n_gauges: 2, betas: [0.5, 1.0]}}\n"
        )
        command = ["run", config, "--out", tmp_path / "run"]
        cloud.faults = [Fault("submit", "kill", after=True, skip=1)]

        started = queue.SimpleQueue()
        cloud.kill = lambda: os.kill(started.get(), signal.SIGKILL)
        done = qspin_process(*command, cwd=tmp_path, meanwhile=started.put)
        assert done.returncode == -signal.SIGKILL
        done = qspin_process(*command, "--resume", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "run" / "report.html").is_file()
        assert cloud.bought == PROGRAMMINGS


class TestSecrets:
    def test_the_journal_is_private(self, cloud, glass8, tmp_path):
        folder = tmp_path / "data" / "annealer"
        folder.mkdir(parents=True, mode=0o755)
        qpu().sample(glass8, seed=1)
        assert folder.stat().st_mode & 0o777 == 0o700
        modes = {file.suffix: file.stat().st_mode & 0o777 for file in folder.iterdir()}
        assert modes == {".json": 0o600, ".npz": 0o600, ".lock": 0o600}

    @pytest.mark.parametrize("given", [f"{TOKEN}\n", f"  {TOKEN}", f"\t{TOKEN} \r\n"])
    def test_white_space_around_a_token_is_stripped(self, cloud, glass8, monkeypatch, given):
        monkeypatch.setenv("DWAVE_API_TOKEN", given)
        qpu().check(glass8)

    def test_a_traceback_does_not_show_what_a_server_repeats(self, cloud, tmp_path):
        (tmp_path / "run.yaml").write_text(
            "schema: 2\nname: paid\nproblems: {glass: {kind: sherrington_kirkpatrick, n_spins: 4}}\n"
            "backends: {qpu: {name: annealer, device: qpu, n_reads: 2, n_gauges: 1}}\n"
        )
        cloud.faults = [Fault("submit", 400)]
        done = qspin_process("run", "run.yaml", "--debug", cwd=tmp_path)
        assert done.returncode == 1
        assert "Traceback" in done.stderr
        assert "fault 400, <token>" in done.stderr
        assert TOKEN not in done.stdout + done.stderr

    def test_no_token_in_any_file_log_or_message(self, cloud, glass8, tmp_path, caplog, capfd, monkeypatch):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "of-the-cloud-client"))
        caplog.set_level(logging.INFO)
        samples = qpu().sample(glass8, seed=1)
        samples.save(tmp_path / "samples.nc")
        cloud.faults = [Fault("submit", 400)]
        with pytest.raises(RunError, match="fault 400, <token>") as error:
            qpu().sample(glass8, seed=2)
        assert TOKEN not in str(error.value) + repr(samples.info) + repr(samples) + caplog.text
        assert TOKEN not in "".join(capfd.readouterr())
        assert (tmp_path / "of-the-cloud-client").is_dir()
        for folder in (tmp_path, Path(os.environ["QSPIN_CACHE_DIR"])):
            for file in folder.rglob("*"):
                assert not file.is_file() or TOKEN.encode() not in file.read_bytes(), file

    def test_no_token_in_settings(self):
        with pytest.raises(InputError, match="no setting 'token'"):
            qspin.get_backend("annealer", token=TOKEN)


class TestBadInput:
    """Each is refused before anything is bought."""

    def refused(self, cloud, problem, match, error=InputError, **settings):
        for call in ("check", "sample"):
            with pytest.raises(error, match=match):
                getattr(qpu(**settings), call)(problem)
        assert cloud.bought == 0

    def test_no_token(self, cloud, glass8, monkeypatch):
        monkeypatch.delenv("DWAVE_API_TOKEN")
        self.refused(cloud, glass8, "needs a D-Wave API token: set it in the environment")

    def test_a_wrong_token(self, cloud, glass8, monkeypatch):
        monkeypatch.setenv("DWAVE_API_TOKEN", "another")
        self.refused(cloud, glass8, "token was refused .401.: renew it")

    def test_a_config_file_that_cannot_be_used(self, cloud, glass8, monkeypatch, tmp_path):
        monkeypatch.setenv("DWAVE_CONFIG_FILE", str(tmp_path / "nowhere.conf"))
        self.refused(cloud, glass8, "Ocean's config file cannot be used")
        broken = tmp_path / "broken.conf"
        broken.write_text("[defaults]\nrequest_timeout = soon\n")
        monkeypatch.setenv("DWAVE_CONFIG_FILE", str(broken))
        self.refused(cloud, glass8, "the QPU cannot be reached as configured")

    def test_unknown_solver(self, cloud, glass8):
        self.refused(cloud, glass8, f"no QPU named 'Advantage9'.*there are: {SOLVER}", solver="Advantage9")

    def test_unknown_features(self, cloud, glass8):
        self.refused(cloud, glass8, "no QPU with the features", solver={"num_qubits__gt": 10**6})
        self.refused(cloud, glass8, "no QPU with the features", topology="pegasus")

    def test_another_topology_than_that_of_the_solver(self, cloud, glass8):
        self.refused(cloud, glass8, "has topology zephyr, not pegasus", topology="pegasus", solver=SOLVER)

    def test_a_problem_too_large(self, cloud):
        large = qspin.instances.sherrington_kirkpatrick(60, seed=1)
        match = r"any graph of up to 24 spins fits there.*zephyr 5 would hold"
        self.refused(cloud, large, match, error=CapacityError)

    def test_out_of_range_with_scaling_off(self, cloud, glass8):
        match = "at scale 9 exceeds the .*range of the device by a factor"
        self.refused(cloud, glass8, match, auto_scale=False, betas=[1.0, 9.0])

    @pytest.mark.parametrize(
        ("settings", "match"),
        [
            (
                {"anneal_schedule": [(0.0, 0.0), (1.0, 0.5)]},
                "would be refused by the device: In the final point",
            ),
            ({"anneal_schedule": [(0.0, 0.0), (0.1, 1.0)]}, "maximum slope"),
            ({"annealing_time": 5000.0}, "between 0.5 and 2000 microseconds"),
            ({"annealing_time": 0.001, "fast_anneal": True}, "fast_anneal_time_range"),
            (
                {"anneal_schedule": [(0.0, 1.0), (5.0, 0.4), (10.0, 1.0)], "initial_state": [1, -1]},
                "initial_state must have 8 values",
            ),
            ({"flux_biases": "test_qpu:no_biases"}, "behind flux_biases must return a mapping from qubits"),
        ],
    )
    def test_an_anneal_that_the_device_would_refuse(self, cloud, glass8, settings, match):
        self.refused(cloud, glass8, match, **settings)

    def test_fast_anneals_take_no_fields(self, cloud):
        field = qspin.IsingProblem([[0.0]], fields=[0.5])
        self.refused(cloud, field, "fast_anneal takes no fields", fast_anneal=True, annealing_time=0.01)

    def test_the_budget_refuses_and_does_not_truncate(self, cloud, glass8):
        match = r"40 anneals in 4 programmings are expected to take 0\.\d+ s.*nothing was bought"
        self.refused(cloud, glass8, match, max_qpu_seconds=0.01)

    def test_what_is_bought_already_costs_nothing(self, cloud, glass8):
        qpu().sample(glass8, seed=1)
        qpu(max_qpu_seconds=1e-6).sample(glass8, seed=1)
        assert cloud.bought == PROGRAMMINGS

    def test_a_budget_that_cannot_be_held(self, cloud, glass8):
        cloud.properties["problem_timing_data"] = None
        self.refused(cloud, glass8, "does not publish what an estimate", max_qpu_seconds=1.0)
        qpu().sample(glass8, seed=1)

    def test_a_journal_of_another_version(self, cloud, glass8, tmp_path):
        qpu().sample(glass8, seed=1)
        file = next((tmp_path / "data" / "annealer").glob("*.json"))
        file.write_text(json.dumps({**json.loads(file.read_text()), "version": 0}))
        with pytest.raises(InputError, match="written by another version of qspin .journal 0, here 2"):
            qpu().sample(glass8, seed=1)
        file.write_text("{")
        with pytest.raises(InputError, match="no readable journal entry"):
            qpu().sample(glass8, seed=1)
        assert cloud.bought == PROGRAMMINGS
