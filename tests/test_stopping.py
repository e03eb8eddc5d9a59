"""A stop that is asked for: by whom, how long it is waited for, and what is shielded from an interrupt."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

import qspin
from qspin import stopping
from qspin.checkpoint import Checkpoint
from qspin.cli.ending import Interrupts
from qspin.engine import Store, StoredWork
from qspin.engine.in_process import InProcess
from qspin.executor import Graph, Kind, Task, silent


@pytest.fixture(autouse=True)
def handled():
    """Signals as in the command line; nothing that was asked for outlives a test."""
    before = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, Interrupts())
    yield
    signal.signal(signal.SIGTERM, before)
    stopping.clear()


def stop():
    signal.raise_signal(signal.SIGTERM)


def sleep(seconds):
    """As `time.sleep`; the end, or the moment of an interrupt."""
    time.sleep(seconds)
    return time.monotonic()


def test_where_nobody_hears_a_signal_interrupts():
    with pytest.raises(KeyboardInterrupt):
        stop()
    assert not stopping.is_requested()


def test_where_somebody_hears_it_asks_and_then_interrupts_even_one_who_sleeps():
    began = time.monotonic()
    with stopping.patient(0.3):
        stop()
        assert stopping.is_requested()
        with pytest.raises(KeyboardInterrupt):
            sleep(20)
    assert 0.2 < time.monotonic() - began < 5
    assert not stopping.is_requested()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGINT])
def test_a_child_that_a_sampler_forks_hears_signals_as_any_other_does(which):
    before = signal.signal(signal.SIGINT, signal.getsignal(signal.SIGTERM))
    with stopping.patient(60):
        if (pid := os.fork()) == 0:
            with contextlib.suppress(KeyboardInterrupt):
                signal.raise_signal(which)
                os._exit(3)
            os._exit(4)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    here = signal.signal(signal.SIGINT, before)
    assert code == {signal.SIGTERM: -signal.SIGTERM, signal.SIGINT: 4}[which]
    assert isinstance(here, Interrupts), "in the process itself nothing changed"


def test_whoever_ends_in_time_is_not_interrupted():
    with stopping.patient(0.2):
        stop()
        with pytest.raises(KeyboardInterrupt):
            stopping.end_if_requested()
    sleep(0.4)


def test_a_burst_is_one_signal_and_a_later_one_interrupts_at_once(monkeypatch):
    with stopping.patient(60):
        for _ in range(20):
            stop()
        monkeypatch.setattr("qspin.cli.ending._BURST_SECONDS", 0.0)
        with pytest.raises(KeyboardInterrupt):
            stop()


def test_what_is_shielded_is_finished_first():
    done = []

    def write():
        until = time.monotonic() + 60
        while not stopping._State.is_withheld and time.monotonic() < until:
            sleep(0.01)
        done.append("the rest of it")

    with stopping.patient(0.1):
        stop()
        with pytest.raises(KeyboardInterrupt), stopping.shielded():
            write()
    assert done


def test_a_shield_of_another_thread_protects_nothing_here():
    holds, goes = threading.Event(), threading.Event()

    def hold():
        with stopping.shielded():
            holds.set()
            goes.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    holds.wait(20)
    stopping.request()
    with pytest.raises(KeyboardInterrupt):
        stopping.overdue()
    goes.set()
    thread.join()


def test_a_request_ends_with_the_outermost_block():
    with stopping.patient(60):
        with stopping.patient(60):
            stopping.request()
        assert stopping.is_requested()
        assert stopping.patience() == 60
    assert (stopping.is_requested(), stopping.patience()) == (False, None)


def test_blocks_of_threads_that_overlap_leave_nothing_behind():
    """The first to enter is the first to leave; a signal meant for no block interrupts."""
    entered, leaves = threading.Event(), threading.Event()

    def work():
        with stopping.patient(60):
            entered.set()
            leaves.wait(20)

    threads = []
    for _ in range(2):
        entered.clear()
        threads.append(threading.Thread(target=work))
        threads[-1].start()
        assert entered.wait(20)
    assert stopping.patience() is None
    with pytest.raises(KeyboardInterrupt):
        stop()
    stopping.request()
    with stopping.patient(60):
        assert stopping.patience() == 60
    assert stopping.is_requested(), "others have not heard it yet"
    leaves.set()
    for thread in threads:
        thread.join()
    assert (stopping.is_requested(), stopping.patience()) == (False, None)


def test_a_reminder_is_for_the_handler_that_was_asked_alone():
    """The usual one would end the process."""
    ours = signal.getsignal(signal.SIGTERM)
    with stopping.patient(0.1):
        stop()
        heard = []
        signal.signal(signal.SIGTERM, lambda *_: heard.append("a signal"))
        sleep(0.3)
    signal.signal(signal.SIGTERM, ours)
    assert not heard


def test_that_it_was_heard_is_said_at_once_and_only_by_whoever_works():
    said = []
    with stopping.patient(60, lambda: said.append("outer")), stopping.patient(60, lambda: said.append("own")):
        stop()
    assert said == ["own"]
    with stopping.patient(60):
        stopping.acknowledge()
    stopping.acknowledge()
    assert said == ["own"]


class TestCheckpoints:
    def test_one_is_due_and_the_save_is_the_last(self, tmp_path):
        checkpoint = Checkpoint(tmp_path / "a", seconds=1e9)
        assert not checkpoint.is_due
        stopping.request()
        assert checkpoint.is_due
        assert checkpoint.is_last
        with pytest.raises(KeyboardInterrupt):
            checkpoint.save({"what": "this"}, {"spins": np.ones(3)})
        stopping.clear()
        np.testing.assert_array_equal(checkpoint.load({"what": "this"})["spins"], np.ones(3))

    def test_one_that_cannot_be_written_ends_the_work_all_the_same(self, tmp_path):
        (tmp_path / "a").mkdir()
        stopping.request()
        with (
            pytest.warns(RuntimeWarning, match="unfinished work is not kept"),
            pytest.raises(KeyboardInterrupt),
        ):
            Checkpoint(tmp_path / "a", seconds=1e9).keep({}, {})

    def test_without_a_request_nothing_ends(self, tmp_path):
        with qspin.checkpointing(tmp_path / "a"):
            qspin.checkpoint.current_checkpoint().keep({}, {"spins": np.ones(3)})


SETTINGS = {"betas": [0.5, 1.0], "n_replicas": 4, "n_sweeps": 24_000, "n_draws": 50}
LONG = Task(
    "long",
    "sample",
    {
        "problem": {
            "kind": "sherrington_kirkpatrick",
            "settings": {"n_spins": 150, "seed": 1},
            "key": "problem",
            "prepared": {},
        },
        "backend": {"name": "tempering", "settings": SETTINGS},
        "backend_label": "tempering",
        "seed": 3,
    },
    label="glass with tempering",
)


def stopped_at(fraction):
    """A reporter that sends a signal when so much of a task is done, and keeps what it hears."""
    heard = []

    def hear(event):
        heard.append(event)
        if event.kind == Kind.PROGRESS and event.fraction > fraction and not stopping.is_requested():
            stop()

    return hear, heard


def test_a_run_in_one_process_loses_nothing_of_a_long_task(tmp_path):
    graph, work = Graph.of([LONG, replace(LONG, key="next")]), StoredWork(tmp_path)
    hear, heard = stopped_at(0.3)
    with pytest.raises(KeyboardInterrupt):
        InProcess().run(graph, work, hear)
    assert [event.key for event in heard if event.kind == Kind.RETURNED] == ["long"]
    assert "next" not in {event.key for event in heard}
    told = "stopping: 1 task finishes or saves its state; Ctrl-C again ends at once and loses it"
    assert [event.remark for event in heard if event.kind == Kind.NOTE] == [told]
    assert not stopping.is_requested()
    reached = [event.fraction for event in heard if event.kind == Kind.PROGRESS]
    hear, heard = stopped_at(2)
    InProcess().run(Graph.of([LONG]), work, hear)
    first = next(event.fraction for event in heard if event.kind == Kind.PROGRESS)
    assert first > reached[-1]
    problem = qspin.instances.sherrington_kirkpatrick(150, seed=1)
    whole = qspin.get_backend("tempering", **SETTINGS).sample(problem, seed=3)
    np.testing.assert_array_equal(Store(tmp_path).samples("long").spins, whole.spins)


def test_what_is_quick_is_finished_and_nothing_else_begun():
    class Quick:
        done: list[str] = []

        def perform(self, task):
            stop()
            self.done.append(task.key)

        def has(self, task):
            return False

        def claim(self, task):
            return True

        def release(self, task):
            pass

        def failed_elsewhere(self, task):
            return None

    with pytest.raises(KeyboardInterrupt):
        InProcess().run(Graph.of([LONG, replace(LONG, key="next")]), Quick(), silent)
    assert Quick.done == ["long"]
