"""Tasks in one process: what their time and their memory may be."""

from __future__ import annotations

import signal
import threading
import time

import pytest
from hard_tasks import HardWork

from qspin import registry, stopping
from qspin.engine import in_process
from qspin.engine.budget import too_late
from qspin.engine.in_process import InProcess
from qspin.errors import InputError
from qspin.executor import Graph, Kind, silent
from qspin.testing.work import small_task


@pytest.fixture
def work(tmp_path):
    return HardWork(tmp_path)


def test_what_takes_too_long_costs_itself_alone(work):
    told = []
    tasks = [small_task("long", act="sleep", seconds=60), small_task("after", "long"), small_task("a")]
    before = signal.getsignal(signal.SIGALRM)
    failures = InProcess(timeout=0.3).run(Graph.of(tasks), work, told.append)
    late = "stopped after 0.3 s (execution.timeout)"
    assert failures == {"long": f"task long: {late}", "after": "task after: needs task long, which failed"}
    assert work.done == ["a"]
    assert [event.kind for event in told if event.key == "long"] == [Kind.START, Kind.FAILED]
    assert not work.claims
    assert not stopping.is_requested()
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_one_that_ends_as_its_time_is_over_costs_nobody(work, monkeypatch):
    """It hears no request, and is done before it is interrupted: the others go on."""
    monkeypatch.setattr(in_process, "_PATIENCE", 60.0)
    tasks = [small_task("long", act="sleep", seconds=0.5), small_task("after", "long"), small_task("a")]
    assert InProcess(timeout=0.3).run(Graph.of(tasks), work, silent) == {}
    assert not stopping.is_requested()


def test_a_stop_that_was_asked_for_before_its_time_is_over_ends_the_run(tmp_path):
    """The task hears it, saves its state and ends, and its time is over meanwhile."""

    class Stopped(HardWork):
        @property
        def perform(self):
            def perform(task):
                stopping.request()
                time.sleep(0.5)
                stopping.end_if_requested()

            return perform

    work, told = Stopped(tmp_path), []
    with pytest.raises(KeyboardInterrupt):
        InProcess(timeout=0.1).run(Graph.of([small_task("long"), small_task("next")]), work, told.append)
    assert [event.kind for event in told if event.key == "long"] == [Kind.START, Kind.RETURNED]
    assert not work.claims


def test_what_was_stored_in_the_last_moment_is_there(tmp_path):
    """Its interrupt waits for the writing, and comes when there is nothing left to interrupt."""

    class Late(HardWork):
        @property
        def perform(self):
            do = super().perform

            def perform(task):
                do(task)
                if task.key == "long":
                    time.sleep(60)

            return perform

    work = Late(tmp_path)
    tasks = [small_task("long"), small_task("after", "long")]
    assert InProcess(timeout=0.3).run(Graph.of(tasks), work, silent) == {}
    assert work.done == ["long", "after"]


def test_what_is_kept_of_a_task_that_took_too_long_is_gone_on_with(work):
    task = small_task("long", act="sleep", seconds=60)
    (work.path / "long.checkpoint").write_text("half of it")
    told = "stopped after 0.1 s (execution.timeout); its state is saved, --resume goes on from it"
    assert too_late(task, work, 0.1) == told
    assert InProcess(timeout=0.1).run(Graph.of([task]), work, silent) == {"long": f"task long: {told}"}


@pytest.mark.parametrize("engine", ["auto", "in_process", "processes"])
def test_memory_that_is_no_number_is_told_its_unit(engine):
    with pytest.raises(InputError, match=r"memory: should be a number of GiB, such as 1\.5; got '1KiB'"):
        registry.made(registry.EXECUTOR, engine, {"memory": "1KiB"})
    assert registry.made(registry.EXECUTOR, engine, {"memory": 2}).memory == 2.0


def test_paid_tasks_take_as_long_as_they_need(work):
    task = small_task("a", act="sleep", seconds=0.5, is_paid=True)
    assert InProcess(timeout=0.1).run(Graph.of([task]), work, silent) == {}


def test_a_timeout_needs_the_main_thread(work):
    found = []

    def run():
        try:
            InProcess(timeout=1).run(Graph.of([small_task("a")]), work, silent)
        except InputError as error:
            found.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    (message,) = found
    assert message.startswith("a timeout in one process needs its main thread")
    assert "take the engine processes" in message
    assert not work.done


def test_what_is_expected_to_take_more_memory_than_allowed_is_refused_by_name(work):
    tasks = [small_task("huge", memory=3 * 2**30), small_task("a", memory=2**30)]
    failures = InProcess(memory=2).run(Graph.of(tasks), work, silent)
    assert failures["huge"].startswith("task huge: it is expected to take 3 GiB, more than the 2 GiB")
    assert work.done == ["a"]
