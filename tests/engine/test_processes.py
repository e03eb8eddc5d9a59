"""Workers that die, hang, print and share cores and memory; what is typed while they work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from hard_tasks import HardWork, Slow

from qspin.engine import budget as budgets
from qspin.engine.budget import Budget, Durations
from qspin.engine.processes import executor as processes
from qspin.engine.processes import pool
from qspin.engine.processes.executor import Processes
from qspin.engine.threads import n_cores
from qspin.errors import RunError
from qspin.executor import Graph, Kind, Task, silent
from qspin.testing.work import small_task


@pytest.fixture
def work(tmp_path):
    return HardWork(tmp_path)


def run(work, tasks, reporter=silent, **settings):
    try:
        return Processes(**{"n_workers": 2, **settings}).run(Graph.of(tasks), work, reporter)
    finally:
        assert not work.claims


def test_a_task_whose_worker_dies_is_done_by_another_and_not_for_ever(work):
    told = []
    tasks = [
        small_task("once", act="die", times=1), small_task("always", act="die", times=9),
        small_task("code", act="leave"), *(small_task(f"a{k}") for k in range(20)),
    ]  # fmt: skip
    failures = run(work, tasks, told.append)
    died = "its worker died 3 times, the last time so: it"
    assert failures == {
        "always": f"task always: {died} was ended by signal 9 (SIGKILL): out of memory?; it said last: no "
        "more memory",
        "code": f"task code: {died} ended with exit code 7",
    }
    assert sorted(work.done) == sorted(["once", *(f"a{k}" for k in range(20))])
    assert len((work.path / "always-deaths").read_text()) == 3
    (returned,) = [event for event in told if event.kind == Kind.RETURNED and event.key == "once"]
    assert returned.worker.startswith("worker ")
    assert "its worker died: it was ended by signal 9" in returned.remark
    notes = [event.remark for event in told if event.kind == Kind.NOTE]
    said = f"{returned.worker}: task once is to be done again; its worker died: it was ended by signal 9"
    (note,) = [note for note in notes if "task once" in note]
    assert note.startswith(said)
    assert sum("task always" in note for note in notes) == 2, "the third time it has failed, which is told"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_worker_that_dies_is_missed_while_a_child_of_it_lives(work):
    try:
        assert run(work, [small_task("a", act="orphan")], n_workers=1) == {}
    finally:  # it is there, unless the run has waited for its end
        os.kill(int((work.path / "a-children").read_text()), signal.SIGKILL)
    assert work.done == ["a"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_child_of_a_worker_is_no_worker(work, capfd):
    told = []
    assert run(work, [small_task("a", act="fork")], told.append, n_workers=1) == {}
    assert work.gave("a")["value"] == -signal.SIGTERM
    assert not [event for event in told if event.kind == Kind.PROGRESS]
    assert "UserWarning: warned by a child" in capfd.readouterr().err


def test_workers_that_cannot_begin_are_told(work, monkeypatch):
    class Unknown:
        def __reduce__(self):
            return (__import__, ("no_such_module",))

    monkeypatch.setattr(HardWork, "perform", Unknown())
    monkeypatch.setattr(pool, "_LEAVE_SECONDS", 120.0)  # else a busy machine has them killed on their way out
    told = []
    with pytest.raises(
        RunError, match="workers die before they begin with a task: it ended with exit code 1"
    ):
        run(work, [small_task("a"), small_task("b")], told.append)
    notes = [event.remark for event in told if event.kind == Kind.NOTE]
    died = "died before it began with a task: it ended with exit code 1"
    assert [note.partition(" ")[0] for note in notes] == ["worker", "worker"]
    assert all(died in note for note in notes)


def test_what_takes_too_long_is_interrupted_then_killed(work, monkeypatch):
    steps = [(k / 2, act) for k, (_, act) in enumerate(processes._STEPS)]
    monkeypatch.setattr(processes, "_STEPS", steps)
    tasks = [
        small_task("hears", act="sleep", seconds=60), small_task("deaf", act="deaf"),
        *(small_task(f"a{k}") for k in range(3)),
    ]  # fmt: skip
    failures = run(work, tasks, timeout=2)
    late = "stopped after 2 s (execution.timeout)"
    assert failures == {key: f"task {key}: {late}" for key in ("hears", "deaf")}
    assert sorted(work.done) == ["a0", "a1", "a2"]


@pytest.mark.parametrize("quick", [0.2, 60.0], ids=["interrupted", "asked"])
def test_a_task_that_begins_after_a_stop_was_asked_for_hears_of_it(work, monkeypatch, quick):
    """It was on its way to its worker, which begins with nothing asked for."""
    given = pool.Worker.give

    def give(worker, tasks):
        given(worker, tasks)
        if tasks[0][0].key == "late":
            raise KeyboardInterrupt

    monkeypatch.setattr(pool.Worker, "give", give)
    monkeypatch.setattr(processes, "_QUICK_SECONDS", quick)
    monkeypatch.setattr(processes, "_STOP_SECONDS", 60.0)
    told = []
    with pytest.raises(KeyboardInterrupt):
        run(
            work, [small_task("first"), small_task("late", "first", act="hear", arrives=Slow(1.0))],
            told.append, n_workers=1,
        )  # fmt: skip
    assert (work.path / "late-heard").exists()
    assert [(e.kind, e.remark) for e in told if e.key == "late"] == [
        (Kind.START, ""),
        (Kind.RETURNED, "stopped"),
    ]


def test_warnings_of_classes_that_are_not_known_here_are_told_with_their_names(work, recwarn):
    assert run(work, [small_task("a", act="warns")], n_workers=1) == {}
    heard = list(recwarn)
    assert [str(warning.message) for warning in heard] == [
        "Odd: of only_here", "Odd: of builtins", "Odd: of qspin.errors", "Odd: of __main__",
        "ComplexWarning: of numpy", "built in",
    ]  # fmt: skip
    assert [warning.category for warning in heard] == [*[UserWarning] * 5, RuntimeWarning]


def test_errors_of_classes_that_are_not_known_here_are_told_with_their_names(work):
    with pytest.raises(RunError, match="^Strange: what$"):
        run(work, [small_task("a", act="raise")], n_workers=1)


def test_what_a_worker_says_and_nobody_understands_is_left_out(work):
    told = []
    assert run(work, [small_task("a", act="mumble")], told.append, n_workers=1) == {}
    assert work.done == ["a"]
    (returned,) = [event for event in told if event.kind == Kind.RETURNED]
    assert returned.remark == "how it ended was not understood"
    assert not [event for event in told if event.kind == Kind.PROGRESS]


def test_prints_come_in_whole_lines_without_tokens(work, monkeypatch, capfd):
    monkeypatch.setenv("DWAVE_API_TOKEN", "DEV-secret")
    run(work, [small_task("a", act="print")], n_workers=1)
    out, err = capfd.readouterr()
    assert not out
    assert err.splitlines() == [
        "worker 1: printed, with <token>", "worker 1: written", "worker 1: in pieces",
    ]  # fmt: skip


def test_cores_are_shared_out_and_memory_is_added_up(work, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)  # a user's own limit would hold
    gib = 2**30
    two = [small_task(f"two{k}", act="threads", seconds=0.3) for k in range(2)]
    heavy = [
        small_task(f"heavy{k}", *(t.key for t in two), act="sleep", seconds=0.3, memory=2 * gib)
        for k in range(2)
    ]
    last = small_task("last", *(t.key for t in heavy), act="threads", seconds=0)
    failures = run(work, [*two, *heavy, last, small_task("huge", memory=9 * gib)], memory=3)
    assert failures == {
        "huge": "task huge: it is expected to take 9 GiB, more than the 3 GiB that the tasks of this run may "
        "take together; make it smaller, or raise execution.memory"
    }
    half, all_ = max(1, n_cores() // 2), n_cores()
    assert [work.gave(task.key)["value"] for task in two] == [[half, 1, half]] * 2
    assert work.gave("last")["value"] == [all_, 1, all_]
    first, second = sorted((work.gave(t.key)["start"], work.gave(t.key)["end"]) for t in heavy)
    assert first[1] <= second[0], "they fit one after the other"


def test_the_script_of_the_user_is_not_run_again(work):
    run(work, [small_task("a", act="modules")], n_workers=1)
    assert work.gave("a")["value"][0] == ""


SCRIPT = """
    import sys
    from pathlib import Path
    from hard_tasks import HardWork
    from qspin.engine.processes.executor import Processes
    from qspin.executor import Graph, Kind
    from qspin.testing.work import small_task

    def tell(event):
        if event.kind == Kind.START:
            print("go", flush=True)
        elif event.kind == Kind.NOTE:
            print(event.remark, flush=True)

    tasks = [small_task(f"a{k}", act="sleep", seconds=60) for k in range(2)]
    print(Processes(n_workers=2).run(Graph.of(tasks), HardWork(Path(sys.argv[1])), tell))
"""


@pytest.fixture
def started(tmp_path):
    """A script without a main block, whose workers have begun; and the ids of these."""
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    paths = [os.path.dirname(__file__), *sys.path]
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )  # fmt: skip
    try:
        assert process.stdout.readline() == "go\n"
        assert process.stdout.readline() == "go\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def children(pid):
    """Process ids below one, but for the helper of the module multiprocessing."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(own) for own in found if "spawn_main" in Path(f"/proc/{own}/cmdline").read_text()]


def are_gone(pids, seconds=60.0):
    until = time.monotonic() + seconds
    while any(os.path.exists(f"/proc/{pid}") for pid in pids) and time.monotonic() < until:
        time.sleep(0.05)
    return not any(os.path.exists(f"/proc/{pid}") for pid in pids)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
class TestEnds:
    def test_workers_do_not_outlive_a_run_that_is_killed(self, started):
        pids = children(started.pid)
        assert len(pids) == 2
        started.kill()
        started.wait()
        assert are_gone(pids)

    def test_ctrl_c_reaches_the_run_alone_and_ends_its_workers(self, started):
        pids = children(started.pid)
        os.killpg(started.pid, signal.SIGINT)
        out, err = started.communicate(timeout=120)
        assert started.returncode != 0
        told = "stopping: 2 tasks finish or save their state; Ctrl-C again ends at once and loses it"
        assert told in out.splitlines()
        assert err.rstrip().endswith("KeyboardInterrupt")
        assert "worker 1:" not in err
        assert are_gone(pids)


class TestBudget:
    def task(self, **changes):
        return Task("a", "sample", {}, **changes)

    def test_threads_of_their_own_count_as_cores(self):
        budget = Budget(4, None)
        budget.hold("one", [(self.task(), 1)])
        assert budget.fits(self.task(n_threads=3))
        assert not budget.fits(self.task(n_threads=4))
        assert budget.share(self.task(n_threads=3), 9) == 3

    def test_alone_everything_fits(self):
        budget = Budget(2, 1)
        assert budget.fits(self.task(n_threads=8, memory=5))
        assert budget.share(self.task(n_threads=8), 0) == 2

    @pytest.mark.parametrize(("n_beside", "share"), [(0, 6), (1, 3), (2, 2), (3, 1), (99, 1)])
    def test_cores_are_divided(self, n_beside, share):
        budget = Budget(8, None)
        budget.hold("one", [(self.task(), 2)])
        assert budget.share(self.task(), n_beside) == share
        budget.free("one")
        assert budget.share(self.task(), 0) == 8

    def test_memory_that_nobody_knows_is_not_counted(self):
        budget = Budget(4, 10)
        budget.hold("one", [(self.task(memory=7), 1)])
        assert budget.fits(self.task())
        assert budget.fits(self.task(memory=3))
        assert not budget.fits(self.task(memory=4))
        assert budget.refusal(self.task(memory=10)) is None
        assert "execution.memory" in budget.refusal(self.task(memory=11))
        assert budget.fits(self.task(memory=11)), "it is taken at once, to be refused"


def test_quick_tasks_travel_together():
    durations = Durations()
    task = Task("a", "measure", {"measure": "energy"})
    assert not durations.has_room([(task, 1)]), "nobody knows yet"
    durations.note(task, budgets._BUNDLE_SECONDS / 10)
    assert durations.has_room([(task, 1)] * 9)
    assert not durations.has_room([(task, 1)] * 11)
    durations.note(task, 5.0)
    assert not durations.has_room([(task, 1)])
