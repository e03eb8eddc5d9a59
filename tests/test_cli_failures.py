"""How the command line ends when something fails: what it says, and the exit code."""

from __future__ import annotations

import json
import os
import re
import signal

import pytest
import yaml
from qspin_backends.exact import Exact
from typer.testing import CliRunner

from qspin import SampleSet
from qspin.checkpoint import current_checkpoint
from qspin.cli import app
from qspin.cli.ending import Interrupts
from qspin.engine.storage.presence import Presence
from qspin.experiment.folder import PROCESSES

pytestmark = pytest.mark.usefixtures("sketched")

BACKENDS = {
    "good": {"name": "exact", "betas": [0.5, 1.0], "n_replicas": 4},
    "bad": {"name": "exact", "betas": [0.5, 1.0], "n_replicas": 5},
}
RUN = {
    "schema": 2,
    "name": "small",
    "problems": {"glass": {"kind": "mattis", "n_spins": 3}},
    "backends": BACKENDS,
}
BENCH = {**RUN, "problems": {"glass": {"kind": "mattis", "sizes": {"n_spins": [3]}}}}
MISSING = "glass with bad: backend 'bad' failed: SystemExit: 0"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(RUN))
    (tmp_path / "bench.yaml").write_text(yaml.safe_dump(BENCH))
    (tmp_path / "pair.coo").write_text("0 1 -1\n")
    return tmp_path


def qspin(*arguments):
    return CliRunner().invoke(app, list(arguments))


def told(result):
    """The last line, which is all that stands there beside progress and warnings."""
    beside = ("Run folder: ", "[", "warning: ", "note: ", "failed: ", "sampling ", "concluding ")
    lines = [line for line in result.stderr.splitlines() if not line.startswith(beside)]
    assert len(lines) == 1, result.stderr
    return lines[0]


@pytest.fixture
def failing(monkeypatch):
    """The second backend fails while the context lasts."""
    original = Exact.sample

    def sample(self, problem, *, seed=None):
        if self.n_replicas == 5:
            raise SystemExit(0)
        return original(self, problem, seed=seed)

    context = monkeypatch.context()
    context.__enter__().setattr(Exact, "sample", sample)
    return lambda: context.__exit__(None, None, None)


def test_a_failing_backend_costs_its_tasks_and_exits_1(failing, here):
    result = qspin("run", "run.yaml", "--out", "here")
    assert result.exit_code == 1
    assert re.fullmatch(
        rf"error: 1 of \d+ tasks failed, \d+ that need them wait, the others are done: {MISSING}. Why is "
        "in the folder failures. Finished work is kept in here; go on with --resume",
        told(result),
    )
    assert (here / "here" / "report.html").is_file()
    again = qspin("report", "here")
    assert again.exit_code == 1
    assert f"the report leaves out what failed or is damaged: {MISSING}" in told(again)
    assert "Run its config again with --resume" in told(again)
    failing()
    assert qspin("run", "run.yaml", "--out", "here", "--resume").exit_code == 0
    assert qspin("report", "here").exit_code == 0


def test_a_backend_that_changes_the_working_directory_changes_nothing_else(here, monkeypatch):
    original, elsewhere = Exact.sample, here / "elsewhere"
    elsewhere.mkdir()

    def sample(self, problem, *, seed=None):
        os.chdir(elsewhere)
        return original(self, problem, seed=seed)

    monkeypatch.setattr(Exact, "sample", sample)
    result = qspin("run", "run.yaml", "--out", "here", "--executor", "in_process")
    assert result.exit_code == 0, result.stderr
    assert (here / "here" / "report.html").is_file()
    assert not list(elsewhere.iterdir())


def test_a_failing_backend_costs_its_cells_and_exits_1(failing, here):
    result = qspin("bench", "bench.yaml", "--out", "here")
    assert result.exit_code == 1
    assert "the others are done: glass (n_spins 3) with bad: backend 'bad' failed" in told(result)
    assert (here / "here" / "report.html").is_file()
    failing()
    assert qspin("bench", "bench.yaml", "--out", "here", "--resume").exit_code == 0


def test_an_interrupted_cell_exits_1_and_is_measured_again(here, monkeypatch):
    original = Exact.sample

    def sample(self, problem, *, seed=None):
        samples = original(self, problem, seed=seed)
        info = json.dumps({**samples.info, "status": "interrupted"})
        return SampleSet(samples.dataset.assign_attrs(info=info))

    with monkeypatch.context() as patch:
        patch.setattr(Exact, "sample", sample)
        result = qspin("bench", "bench.yaml", "--out", "here")
    assert result.exit_code == 1
    assert told(result) == "interrupted. Finished work is kept in here; go on with --resume"
    assert not (here / "here" / "report.html").exists()
    assert qspin("bench", "bench.yaml", "--out", "here", "--resume").exit_code == 0


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ZeroDivisionError("no"), "error: backend 'exact' failed: ZeroDivisionError: no"),
        (SystemExit(0), "error: backend 'exact' failed: SystemExit: 0"),
    ],
)
def test_a_failing_backend_of_a_single_sample(here, monkeypatch, error, message):
    def sample(self, problem, *, seed=None):
        raise error

    monkeypatch.setattr(Exact, "sample", sample)
    result = qspin("sample", "pair.coo", "--backend", "exact", "-o", "a.nc")
    assert result.exit_code == 1
    assert told(result) == message
    assert not (here / "a.nc").exists()


@pytest.mark.parametrize("command", ["run", "bench"])
def test_a_folder_where_another_process_works_is_shared(here, command, failing):
    assert qspin(command, f"{command}.yaml", "--out", "here").exit_code == 1
    failing()
    other = Presence(here / "here" / PROCESSES)
    other.enter()
    try:
        result = qspin(command, f"{command}.yaml", "--out", "here")
    finally:
        other.leave()
    assert result.exit_code == 0, result.stderr
    assert f"the work in here is shared with process {os.getpid()} on " in result.stderr


@pytest.mark.parametrize("command", ["run", "bench"])
def test_nothing_is_said_to_be_kept_where_there_is_nothing(here, command, monkeypatch):
    """Interrupted before the folder was made."""

    def check(self, problem):
        raise KeyboardInterrupt

    monkeypatch.setattr(Exact, "check", check)
    result = qspin(command, f"{command}.yaml", "--out", "here")
    assert (result.exit_code, told(result)) == (1, "interrupted")
    assert not (here / "here").exists()


def test_a_sample_with_a_checkpoint_says_that_a_signal_was_heard(here, monkeypatch):
    def sample(self, problem, *, seed=None):
        signal.raise_signal(signal.SIGTERM)
        current_checkpoint().save({"seed": 5}, {})

    monkeypatch.setattr(Exact, "sample", sample)
    before = signal.signal(signal.SIGTERM, Interrupts())
    try:
        result = qspin("sample", "pair.coo", "--backend", "exact", "--checkpoint", "c", "-o", "a.nc")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert result.exit_code == 1
    told = "stopping: 1 task finishes or saves its state; Ctrl-C again ends at once and loses it"
    assert told in result.stderr.splitlines()
    assert (here / "c").is_file()


def test_an_interrupted_sample_with_a_checkpoint_says_how_to_go_on(here, monkeypatch):
    original = Exact.sample

    def sample(self, problem, *, seed=None):
        current_checkpoint().save({"seed": 5}, {})
        samples = original(self, problem, seed=5)
        return SampleSet(
            samples.dataset.assign_attrs(info=json.dumps({**samples.info, "status": "interrupted"}))
        )

    monkeypatch.setattr(Exact, "sample", sample)
    result = qspin("sample", "pair.coo", "--backend", "exact", "--checkpoint", "c", "-o", "a.nc")
    assert result.exit_code == 1
    hint = "What there was is in a.nc; the same command goes on from c"
    assert result.stderr.splitlines()[-1] == f"interrupted. {hint}"
    assert (here / "c").is_file()


@pytest.mark.parametrize("place", ["pair.coo/a", "no" * 200, "."])
def test_a_checkpoint_that_cannot_be_written_exits_2_before_work(here, place, monkeypatch):
    monkeypatch.setattr(Exact, "sample", lambda self, problem, *, seed: pytest.fail("work began"))
    result = qspin("sample", "pair.coo", "--backend", "exact", "--checkpoint", place, "-o", "a.nc")
    assert result.exit_code == 2
    assert "choose another place" in told(result) or "is a folder" in told(result)


def test_a_checkpoint_is_no_place_for_samples(here):
    result = qspin("sample", "pair.coo", "--backend", "exact", "--checkpoint", "./a.nc", "-o", "a.nc")
    assert result.exit_code == 2
    assert "the checkpoint and the samples need files of their own" in told(result)
