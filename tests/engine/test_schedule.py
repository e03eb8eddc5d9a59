"""The books of a run: who may begin what, in which order."""

from __future__ import annotations

from qspin.engine.schedule import Schedule
from qspin.executor import Graph, Kind, Task, silent


class Desk:
    """Work of which nothing is kept, but what is claimed."""

    def __init__(self, there=(), taken=()):
        self.there, self.taken, self.claimed = set(there), set(taken), []

    def has(self, task):
        return task.key in self.there

    def claim(self, task):
        if task.key not in self.taken:
            self.claimed.append(task.key)
        return task.key not in self.taken

    def release(self, task):
        self.claimed.remove(task.key)

    def failed_elsewhere(self, task):
        return None


def task(key, *needs, **changes):
    return Task(key, "sample", {}, needs, f"task {key}", **changes)


def schedule_of(*tasks, reporter=silent, **desk):
    return Schedule(Graph.of(list(tasks)), Desk(**desk), reporter)


def keys(take):
    return [own.key for own in iter(take, None)]


def test_all_kinds_come_in_their_order():
    schedule = schedule_of(task("a"), task("b", is_paid=True), task("c"))
    assert schedule.n_ready == 2
    assert keys(schedule.take) == ["a", "b", "c"]


def test_paid_ones_come_by_lane_and_others_without_them():
    schedule = schedule_of(*(task(f"{k}", is_paid=k != "c", lane=k) for k in "abc"))
    assert schedule.lanes == ["a", "b"]
    assert schedule.take_paid("c") is None
    assert schedule.take_paid("b").key == "b"
    assert keys(schedule.take_unpaid) == ["c"]
    assert schedule.lanes == ["a"]


def test_a_worker_is_given_what_needs_what_it_has_just_made():
    tasks = [task("a"), task("b"), *(task(f"{need}{k}", need) for need in "ab" for k in (1, 2)), task("z")]
    schedule = schedule_of(*tasks)
    first, second = schedule.take_unpaid("one"), schedule.take_unpaid("two")
    schedule.finish(second, None, "two")
    schedule.finish(first, None, "one")
    assert schedule.take_unpaid("two").key == "b1"
    assert schedule.take_unpaid("one").key == "a1"
    assert keys(lambda: schedule.take_unpaid("two")) == ["b2", "z", "a2"], "others' last"


def test_what_does_not_fit_waits_and_keeps_its_place():
    schedule = schedule_of(task("a", memory=9), task("b"), task("c"))
    assert schedule.take_unpaid("one", lambda own: own.memory < 5).key == "b"
    assert schedule.take_unpaid("one").key == "a"


def test_what_is_taken_need_not_begin_at_once():
    told = []
    schedule = schedule_of(task("a"), task("b"), reporter=told.append)
    first, second = (schedule.take_unpaid("one", begins=False) for _ in range(2))
    assert not told
    schedule.give_back(second, "nobody has begun it", "one")
    assert not told
    schedule.begin(first, "one")
    schedule.finish(first, None, "one")
    assert [event.kind for event in told] == [Kind.START, Kind.DONE]
    assert keys(schedule.take_unpaid) == ["b"]
    assert not schedule.is_over


def test_what_is_there_or_elsewhere_is_not_taken():
    told = []
    schedule = schedule_of(
        task("a"), task("b", "a"), task("c"), there={"a"}, taken={"c"}, reporter=told.append
    )
    assert schedule.take().key == "b"
    assert schedule.take() is None
    assert [(event.kind, event.n) for event in told] == [(Kind.FOUND, 1), (Kind.START, 0)]
    assert not schedule.is_waiting
