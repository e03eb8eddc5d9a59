"""Paid tasks run beside the others: one of a lane at a time, in threads that an interrupt reaches."""

from __future__ import annotations

import threading
import time
from multiprocessing.connection import wait

import pytest

from qspin.engine.paid import PaidTasks
from qspin.engine.schedule import Schedule
from qspin.errors import StorageError
from qspin.executor import Graph, Kind, Task
from qspin.progress import ABANDONED, report_progress
from qspin.trust import importing_only, require_trusted


class Desk:
    """Work whose tasks do what was put down for them; keeps which ran at once."""

    def __init__(self, **acts):
        self.acts, self.running, self.at_once, self.released = acts, set(), [], []

    def perform(self, task):
        self.running.add(task.key)
        self.at_once.append(set(self.running))
        try:
            return self.acts.get(task.key, lambda: time.sleep(0.02))()
        finally:
            self.running.discard(task.key)

    def has(self, task):
        return False

    def claim(self, task):
        return True

    def release(self, task):
        self.released.append(task.key)

    def failed_elsewhere(self, task):
        return None


def paid(key, lane, *needs):
    return Task(key, "sample", {}, needs, f"task {key}", is_paid=True, lane=lane)


def finished(desk, tasks):
    """Events of a run of paid tasks, and the schedule."""
    told = []
    schedule = Schedule(Graph.of(tasks), desk, told.append)
    lanes = PaidTasks(schedule, desk.perform)
    while not schedule.is_over:
        lanes.begin()
        assert wait([lanes.bell], timeout=60), "nothing happened"
        lanes.poll()
    assert not lanes.is_busy
    return told, schedule


def test_one_of_a_lane_at_a_time_and_lanes_side_by_side():
    meeting = threading.Barrier(2)

    def meet():
        meeting.wait(60)

    desk = Desk(a1=meet, b1=meet)
    _, schedule = finished(desk, [paid(f"{lane}{k}", lane) for lane in "ab" for k in (1, 2, 3)])
    assert not schedule.failures
    assert {"a1", "b1"} in desk.at_once
    assert all(len({key[0] for key in keys}) == len(keys) for keys in desk.at_once)
    assert sorted(desk.released) == ["a1", "a2", "a3", "b1", "b2", "b3"]


def test_nobody_is_left_unheard_who_speaks_while_it_is_polled(monkeypatch):
    """Somebody rings just before the bell is emptied: the next one must be heard, too."""
    lanes = PaidTasks(Schedule(Graph.of([]), Desk(), list().append), Desk().perform)
    bell, heard = lanes.bell, []

    class Interrupting:
        def poll(self):
            if not heard:
                lanes._say(lambda: heard.append("during"))
                heard.append("said")
            return bell.poll()

        def recv_bytes(self):
            return bell.recv_bytes()

    monkeypatch.setattr(lanes, "_bell", Interrupting())
    lanes.poll()
    lanes._say(lambda: heard.append("after"))
    assert bell.poll(), "nobody would look"
    lanes.poll()
    assert heard == ["said", "during", "after"]


def test_what_fails_and_how_far_it_is_are_told():
    def act():
        report_progress(0.5, "half", best_energy=-3.0)
        return "task a: broke"

    told, schedule = finished(Desk(a=act), [paid("a", "x"), paid("b", "x", "a")])
    assert schedule.failures == {"a": "task a: broke", "b": "task b: needs task a, which failed"}
    assert [event.kind for event in told] == [Kind.START, Kind.PROGRESS, Kind.FAILED, Kind.BLOCKED]
    assert told[1].figures == {"best_energy": -3.0}
    assert {event.worker for event in told[:3]} == {"paid x"}


def test_it_knows_what_files_may_import():
    def act():
        require_trusted("os:system", "sampler", key="sampler")

    with importing_only({"dimod"}), pytest.raises(Exception, match="would import the package os"):
        finished(Desk(a=act), [paid("a", "")])


def test_what_all_would_meet_ends_it_where_it_is_polled():
    def act():
        raise StorageError("full")

    with pytest.raises(StorageError, match="full"):
        finished(Desk(a=act), [paid("a", "")])


def waiting_for_a_server(begun, ended):
    """As samplers do: in short steps; says what it cancelled."""
    try:
        begun.set()
        while not ended.is_set():
            time.sleep(0.01)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("cancelled job 7") from None


def computing(begun, ended):
    """Hears nothing until it has ended."""
    begun.set()
    ended.wait(600)


@pytest.mark.parametrize(
    ("act", "seconds", "said", "remark"),
    [(waiting_for_a_server, 60.0, ["cancelled job 7"], "stopped"), (computing, 1.0, [], "left behind")],
)
def test_an_interrupt_reaches_it(act, seconds, said, remark):
    told, before = [], set(threading.enumerate())
    begun, ended = threading.Event(), threading.Event()
    desk = Desk(a=lambda: act(begun, ended))
    schedule = Schedule(Graph.of([paid("a", "x")]), desk, told.append)
    lanes = PaidTasks(schedule, desk.perform)
    lanes.begin()
    assert begun.wait(60)
    assert lanes.stop(seconds) == said
    assert not lanes.is_busy
    assert (told[-1].kind, told[-1].remark) == (Kind.RETURNED, remark)
    assert desk.released == ["a"]
    assert {thread.name for thread in set(threading.enumerate()) - before} <= {ABANDONED}
    ended.set()
