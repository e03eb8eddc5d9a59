"""Tasks stand behind what they need, each once; circles and needs that nobody meets are refused by name."""

from __future__ import annotations

import random

import pytest

from qspin.engine.in_process import InProcess
from qspin.errors import InputError, StorageError
from qspin.executor import Graph, Kind, Task, silent


def task(key, *needs, **changes):
    return Task(key, "sample", {}, needs, f"task {key}", **changes)


def test_needs_come_first_and_each_task_once():
    links = {k: [j for j in range(k) if (k * j + j) % 3 == 0] for k in range(40)}
    tasks = [task(str(k), *map(str, needs)) for k, needs in links.items()]
    random.Random(1).shuffle(tasks)
    order = [own.key for own in Graph.of([*tasks, *tasks])]
    assert sorted(order, key=int) == [str(k) for k in range(40)]
    for k, needs in links.items():
        assert all(order.index(str(need)) < order.index(str(k)) for need in needs)


def test_order_is_that_of_the_list_otherwise():
    assert [own.key for own in Graph.of([task("c"), task("a"), task("b")])] == ["c", "a", "b"]


def test_a_circle_is_refused_by_its_labels():
    tasks = [task("a", "b"), task("b", "c"), task("c", "a"), task("d")]
    with pytest.raises(InputError, match="wait for one another in a circle: task a -> task b -> task c"):
        Graph.of(tasks)


def test_a_need_that_nobody_meets():
    with pytest.raises(InputError, match="task a needs b, which no task gives"):
        Graph.of([task("a", "b")])


def test_chains_may_be_long():
    n = 20_000
    tasks = [task(str(k), str(k + 1)) for k in range(n)] + [task(str(n))]
    assert len(Graph.of(tasks)) == n + 1


class Given:
    """Work of which nothing is kept."""

    def __init__(self, fail=()):
        self.done, self.fail = [], fail

    def perform(self, own):
        self.done.append(own.key)
        if isinstance(self.fail, BaseException):
            raise self.fail
        return f"{own.label}: broke" if own.key in self.fail else None

    def has(self, own):
        return False

    def claim(self, own):
        return True

    def release(self, own):
        pass

    def failed_elsewhere(self, own):
        return None


class TestInProcess:
    def run(self, tasks, fail=(), reporter=silent):
        work = Given(fail)
        return InProcess().run(Graph.of(tasks), work, reporter), work.done

    def test_a_failure_costs_what_needs_it(self):
        tasks = [task("a"), task("b", "a"), task("c", "b"), task("d")]
        failures, done = self.run(tasks, fail={"a"})
        assert done == ["a", "d"]
        assert failures == {
            "a": "task a: broke",
            "b": "task b: needs task a, which failed",
            "c": "task c: needs task b, which failed",
        }

    def test_every_task_is_told(self):
        told = []
        self.run([task("a"), task("b", "a")], fail={"b"}, reporter=told.append)
        assert [(event.kind, event.key) for event in told] == [
            (Kind.START, "a"), (Kind.DONE, "a"), (Kind.START, "b"), (Kind.FAILED, "b"),
        ]  # fmt: skip

    @pytest.mark.parametrize("error", [KeyboardInterrupt(), StorageError("full")])
    def test_what_all_would_meet_ends_it(self, error):
        with pytest.raises(type(error)):
            self.run([task("a"), task("b")], fail=error)
