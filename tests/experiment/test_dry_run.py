"""What a run would do, told before: nothing is written, sampled for it or bought."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

import qspin
from qspin import timings
from qspin.cli import app
from qspin.engine import actions
from qspin.errors import InputError
from qspin.experiment import RunFolder, dry_run, run_experiment
from qspin.experiment.config.run_config import config_from_plain
from qspin.experiment.forecast.dry_table import duration_text, memory_text
from qspin.sampler import Workload
from qspin.timings import Timing, keep_timing

GLASS = {"kind": "edwards_anderson", "shape": [3, 3]}
MC = {"name": "tempering", "betas": [0.5, 1.0], "n_sweeps": 200, "n_burn_in": 10, "n_threads": 1}


@pytest.fixture(autouse=True)
def nothing_known(tmp_path, monkeypatch):
    monkeypatch.setenv("QSPIN_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(actions, "_timed", set())
    timings._seen.clear()


def config(problems=None, backends=None, **changes):
    return config_from_plain(
        {
            "schema": 2,
            "name": "dry",
            "problems": problems or {"glass": {**GLASS, "instances": 3}},
            "backends": backends or {"mc": MC},
            "studies": {"energy_curve": {}},
            **changes,
        }
    )


def rows(told, action):
    return [row for row in told.rows if row.action == action]


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path / "run")


class TestTasks:
    def test_they_are_counted_with_sweeps_folded(self, folder):
        told = dry_run(config(), folder, pilots=False)
        assert [(row.problem, row.backend, row.n_tasks, row.n_there) for row in rows(told, "sample")] == [
            ("glass", "mc", 3, 0)
        ]
        assert [row.n_to_do for row in rows(told, "measure")] == [3]
        assert (told.n_tasks, told.n_there) == (6, 0)

    def test_nothing_is_written_in_the_run_folder(self, folder):
        dry_run(config(), folder)
        assert not folder.path.exists()

    def test_what_is_there_is_not_to_be_done(self, folder):
        run_experiment(config(), folder)
        before = {file: file.stat().st_mtime_ns for file in folder.path.rglob("*")}
        told = dry_run(config(), folder)
        assert (told.n_there, told.seconds, told.n_unknown) == (6, 0.0, 0)
        assert str(told).endswith(f"6 tasks, all of them there: nothing to do in {folder.path}")
        next((folder.path / "measures").iterdir()).unlink()
        told = dry_run(config(), folder)
        assert (told.n_tasks, told.n_there) == (6, 5)
        assert "with --resume" in str(told)
        assert set(before) - {file for file in folder.path.rglob("*")} == {
            file for file in before if not file.exists()
        }

    def test_nothing_is_built_but_outlines(self, kinds, folder):
        problems = {"pair": {"kind": "needy", "depth": 2}}
        told = dry_run(config(problems, {"dice": {"name": "dice"}}, studies={"probe": {}}), folder)
        assert kinds.COUNTS["make"] == 0
        assert [row.n_to_do for row in rows(told, "prepare")] == [1] * len(rows(told, "prepare"))

    def test_what_nobody_looks_at_is_told(self, kinds, folder):
        problems = {"pair": {"kind": "needy", "backend": "hand"}}
        backends = {"look": {"name": "dice", "n_draws": 5}, "hand": {"name": "dice"}}
        told = dry_run(config(problems, backends, studies={"training": {}}), folder, pilots=False)
        assert [(row.problem, row.backend) for row in rows(told, "sample")] == [("pair", "look")]
        assert "hand trains, and no study wants its samples of pair: none are made\n" in str(told)

    def test_what_a_run_would_refuse_is_refused(self, folder):
        folder.path.mkdir()
        (folder.path / "thesis.tex").write_text("")
        with pytest.raises(InputError, match="is no run folder"):
            dry_run(config(), folder)
        with pytest.raises(InputError, match="exact enumerates"):
            dry_run(config({"large": {**GLASS, "shape": [9, 9]}}, {"exact": {"name": "exact"}}))

    @pytest.mark.parametrize("engine", ["in_process", "processes", "auto"])
    def test_what_would_be_refused_for_its_memory_is_told(self, folder, engine):
        told = str(dry_run(config(execution={"engine": engine, "memory": 0.001}), folder, pilots=False))
        assert "3 of 6 tasks to do would fail, 3 that need them wait: glass (instance 0) with mc:" in told
        assert "raise execution.memory" in told
        enough = config(execution={"engine": engine, "memory": 1.0})
        assert "would fail" not in str(dry_run(enough, folder, pilots=False))

    def test_a_new_folder_on_a_store_with_results_needs_no_resume(self, folder, tmp_path):
        shared = {"store": str(tmp_path / "store")}
        run_experiment(config(execution=shared), folder)
        larger = config({"glass": {**GLASS, "instances": 4}}, execution=shared)
        told = dry_run(larger, RunFolder(tmp_path / "another"), pilots=False)
        assert (told.n_tasks, told.n_there) == (8, 6)
        assert "what is there is not done again\n" in str(told)
        assert "--resume" not in str(told)


class TestTime:
    def test_it_is_not_known_where_nobody_was_asked(self, folder):
        told = dry_run(config(), folder, pilots=False)
        (row,) = rows(told, "sample")
        assert (row.seconds, row.seconds_each, row.known_from, row.n_unknown) == (None, None, "", 3)
        assert told.n_unknown == 3 + 3 + 1
        assert "not known" in str(told)
        assert "an unknown time with " in str(told)
        assert "(6 of 6 tasks to do and the report have never been timed here)" in str(told)

    def test_what_is_not_known_makes_the_rest_the_least(self, folder):
        for task in qspin.experiment.sizes.sized(qspin.experiment.plan.planned(config())).samples():
            keep_timing(Timing(task.kernel, task.work, 9.0, 9, 18))
        told = str(dry_run(config(execution={"engine": "in_process"}), folder, pilots=False))
        assert ": at least 27 s with in_process, 1 worker (3 of 6 tasks to do and the report have " in told

    def test_a_pilot_looks_and_is_remembered(self, folder):
        first = rows(dry_run(config(), folder), "sample")[0]
        assert first.known_from == "1 pilot"
        assert 0 < first.seconds_each < 10
        again = rows(dry_run(config(), folder, pilots=False), "sample")[0]
        assert again.seconds_each == pytest.approx(first.seconds_each)

    def test_earlier_tasks_tell_it(self, folder, tmp_path):
        run_experiment(config(), RunFolder(tmp_path / "earlier"))
        told = dry_run(config(backends={"mc": {**MC, "n_sweeps": 400}}), folder)
        (row,) = rows(told, "sample")
        assert row.known_from == "2 earlier tasks"  # the first of a process is told apart
        assert 0 < row.seconds_each < 10
        assert told.n_unknown == 0

    def test_it_is_that_of_workers_side_by_side(self, folder, monkeypatch):
        one = config()
        for task in qspin.experiment.sizes.sized(qspin.experiment.plan.planned(one)).tasks.values():
            keep_timing(Timing(task.kernel, task.work, 1.0, 9, 18))
        keep_timing(qspin.experiment.sizes.report_timing(one, qspin.experiment.plan.planned(one), 2.0))
        alone = dry_run(config(execution={"engine": "in_process"}), folder)
        two = dry_run(config(execution={"engine": "processes", "n_workers": 2}), folder)
        assert (alone.n_workers, two.n_workers) == (1, 2)
        assert alone.seconds == pytest.approx(6 + 2, rel=0.01)
        assert two.seconds == pytest.approx(4 + 2, rel=0.01)  # the third one and its measure come last
        assert two.memory_together == pytest.approx(2 * two.memory_largest, rel=0.1)

    def test_what_workers_load_at_their_start_is_told_beside_the_total(self, folder):
        """Rows are without it, so that they do not add up to the total by themselves."""
        one = config()
        for task in qspin.experiment.sizes.sized(qspin.experiment.plan.planned(one)).tasks.values():
            keep_timing(Timing(task.kernel, task.work, 1.0, 9, 18))
            keep_timing(Timing(task.kernel, task.work, 1.0, 9, 18, is_first=True, starting=3.0))
        keep_timing(qspin.experiment.sizes.report_timing(one, qspin.experiment.plan.planned(one), 2.0))
        told = dry_run(config(execution={"engine": "in_process"}), folder)
        n_kernels = len({row.action for row in told.rows}) - 1
        assert told.starting == pytest.approx(3 * n_kernels)
        assert told.seconds == pytest.approx(sum(row.seconds for row in told.rows) + told.starting, rel=0.01)
        assert f", {3 * n_kernels} s of imports and compiling at the start of the worker among them" in str(
            told
        )

    def test_a_pilot_trains_as_well(self, folder):
        """Machines of one title are one row, whose time one of them tells."""
        pytest.importorskip("torch")
        machine = {**TestCharges.machine, "sampler": "mc", "epochs": 10_000}
        backends = {"look": {"name": "exact", "betas": [1.0]}, "mc": MC}
        (row,) = rows(
            dry_run(config({"machine": machine}, backends, studies={"training": {}}), folder), "prepare"
        )
        assert (row.n_tasks, row.known_from) == (2, "1 pilot")
        assert row.seconds_each > 1.0
        assert row.seconds == pytest.approx(2 * row.seconds_each)

    def test_a_backend_of_others_is_known_after_its_first_run(self, kinds, folder, tmp_path):
        parts = {"pair": {"kind": "needy", "sign": -1}}, {"dice": {"name": "dice"}}
        first = dry_run(config(*parts, studies={"probe": {}}), folder)
        assert rows(first, "sample")[0].known_from == ""
        run_experiment(config(*parts, studies={"probe": {}}), RunFolder(tmp_path / "earlier"))
        again = dry_run(config(*parts, studies={"probe": {}}), folder)
        assert rows(again, "sample")[0].known_from == "1 earlier task"
        assert rows(again, "sample")[0].memory is None


class TestCharges:
    """No solver is reached: what one would tell is put in its place."""

    @pytest.fixture(autouse=True)
    def _offline(self, monkeypatch):
        annealer = qspin.registry.backend_class("annealer")
        monkeypatch.setattr(annealer, "check", lambda self, problem: None)
        monkeypatch.setattr(
            annealer, "workload", lambda self, problem: Workload("annealer qpu", 1.0, 2**20, 10, self.told)
        )
        monkeypatch.setattr(annealer, "told", 0.25, raising=False)
        monkeypatch.setattr(annealer, "sample", lambda self, problem, seed=None: pytest.fail("bought"))

    backends = {"chip": {"name": "annealer", "device": "qpu", "max_qpu_seconds": 2.0}}

    def test_they_are_told_with_their_limits(self, folder):
        told = dry_run(config(backends=self.backends), folder)
        assert rows(told, "sample")[0].paid_seconds == told.paid_seconds == 0.75
        assert "at most 2 s a task (max_qpu_seconds)" in str(told)
        assert "0.75 s is charged" in str(told)

    machine = {
        "kind": "boltzmann", "dataset": "bars_and_stripes", "size": 2, "hidden": 2, "sampler": "chip",
        "epochs": 10, "likelihood": "none", "instances": 2,
    }  # fmt: skip

    def test_a_training_is_charged_each_of_its_calls(self, folder):
        pytest.importorskip("torch")
        chip = {"name": "annealer", "device": "qpu", "betas": [1.0], "max_qpu_seconds": 2.0}
        backends = {"look": {"name": "exact", "betas": [1.0]}, "chip": chip}
        told = dry_run(config({"machine": self.machine}, backends, studies={"training": {}}), folder)
        (row,) = rows(told, "prepare")
        assert (row.n_to_do, row.paid_seconds, row.seconds) == (2, 2 * 10 * 0.25, None)
        assert told.paid_seconds == 5.0
        assert f"{row.problem}: at most 2 s a call (max_qpu_seconds)" in str(told)

    def test_what_a_solver_does_not_tell_is_not_known(self, folder, monkeypatch):
        monkeypatch.setattr(qspin.registry.backend_class("annealer"), "told", None)
        told = dry_run(config(backends=self.backends), folder)
        assert told.paid_seconds is None
        assert "an unknown time is charged" in str(told)

    def test_nothing_is_charged_on_this_machine(self, folder):
        told = dry_run(config(), folder, pilots=False)
        assert told.paid_seconds == 0.0
        assert "charged  " not in str(told)
        assert "nothing is charged" in str(told)


def test_rows_are_a_table(folder):
    told = dry_run(config(), folder, pilots=False)
    table = told.table()
    assert list(table["action"]) == ["sample", "measure", "report"]
    assert table["n_to_do"].sum() == 7
    assert json.loads(json.dumps(told.to_json()))["n_tasks"] == 6


class TestCommand:
    @pytest.fixture
    def file(self, tmp_path):
        text = json.dumps({"schema": 2, "name": "dry", "problems": {"glass": GLASS}, "backends": {"mc": MC}})
        path = tmp_path / "dry.yaml"
        path.write_text(text)
        return path

    def run(self, *arguments):
        return CliRunner().invoke(app, ["run", *map(str, arguments)])

    def test_it_tells_and_leaves_no_trace(self, file, folder):
        told = self.run(file, "--dry-run", "--out", folder.path)
        assert told.exit_code == 0, told.output
        assert "glass with mc" in told.output
        assert not folder.path.exists()

    def test_a_bench_has_one_as_well(self, file, folder):
        arguments = ["bench", str(file), "--dry-run", "--json", "--executor", "in_process", "--out"]
        told = CliRunner().invoke(app, [*arguments, str(folder.path)])
        assert told.exit_code == 0, told.output
        plain = json.loads(told.stdout)
        assert plain["engine"] == "in_process"
        assert not folder.path.exists()

    @pytest.mark.parametrize("command", ["run", "bench"])
    def test_help_names_the_executors(self, command):
        told = CliRunner().invoke(app, [command, "--help"], terminal_width=200).output
        assert all(name in told for name in qspin.registry.EXECUTOR.builtin)

    def test_it_tells_as_json(self, file, folder):
        told = self.run(file, "--dry-run", "--json", "--out", folder.path)
        assert json.loads(told.stdout)["rows"][0]["problem"] == "glass"

    def test_unusable_input_ends_as_in_a_run(self, file, folder):
        assert self.run(file, "--dry-run", "--set", "backends.mc.n_sweep=3").exit_code == 2
        told = self.run(file, "--json", "--out", folder.path)
        assert told.exit_code == 2
        assert "add --dry-run, or leave --json out" in told.output


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0004, "0.4 ms"), (0.26, "0.3 s"), (12.4, "12 s"), (60.0, "1 min"), (200.0, "3 min 20 s"),
        (7_500.0, "2 h 5 min"), (187_200.0, "2 d 4 h"),
    ],
)  # fmt: skip
def test_durations_have_two_figures(seconds, text):
    assert duration_text(seconds) == text


def test_memory_has_a_unit():
    assert [memory_text(n) for n in (None, 5 * 2**20, 3 * 2**29)] == ["not known", "5 MiB", "1.5 GiB"]
