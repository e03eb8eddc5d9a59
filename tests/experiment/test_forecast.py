"""How long tasks take side by side, against courses that can be told by hand."""

from __future__ import annotations

import pytest

from qspin.executor import Task
from qspin.experiment.forecast.course import forecast
from qspin.timings import Estimate


def task(key, *needs, **more):
    return Task(key, "sample", {}, needs, **{"kernel": "dice", **more})


def lasting(**seconds):
    return {key: Estimate(value, 0.0) for key, value in seconds.items()}


def test_one_worker_does_one_after_the_other():
    tasks = [task("a"), task("b"), task("c")]
    assert forecast(tasks, lasting(a=1.0, b=2.0, c=3.0), 1, 4).seconds == 6.0


def test_workers_share_tasks_in_their_order():
    tasks = [task(key) for key in "abcd"]
    assert forecast(tasks, lasting(a=3.0, b=1.0, c=1.0, d=2.0), 2, 2).seconds == 4.0


def test_a_task_waits_for_what_it_needs_unless_that_is_there():
    tasks = [task("a"), task("b", "a"), task("c", "elsewhere")]
    assert forecast(tasks, lasting(a=2.0, b=2.0, c=1.0), 2, 2).seconds == 4.0


def test_paid_tasks_go_on_beside_the_others_one_of_a_lane_at_a_time():
    tasks = [task("a"), *(task(key, is_paid=True, lane="chip") for key in "pqr")]
    assert forecast(tasks, lasting(a=1.0, p=2.0, q=2.0, r=2.0), 1, 1).seconds == 6.0
    assert forecast(tasks, lasting(a=7.0, p=2.0, q=2.0, r=2.0), 1, 1).seconds == 7.0


def test_what_a_kernel_takes_at_first_counts_for_each_worker():
    starting = {key: Estimate(1.0, 0.0, starting=5.0) for key in "abcd"}
    tasks = [task(key) for key in "abcd"]
    assert forecast(tasks, starting, 1, 1) == (9.0, 5.0)
    assert forecast(tasks, starting, 2, 2) == (7.0, 10.0)


@pytest.mark.parametrize(("n_workers", "n_parts", "seconds"), [(1, 8, 2.0), (2, 8, 2.0), (1, 1, 8.0)])
def test_workers_share_cores_and_threads_share_tasks(n_workers, n_parts, seconds):
    tasks = [task(key, n_parts=n_parts) for key in "ab"]
    alone = {key: Estimate(0.0, 4.0) for key in "ab"}
    assert forecast(tasks, alone, n_workers, 4).seconds == seconds


def test_threads_that_a_task_asks_for_are_its_own():
    assert forecast([task("a", n_threads=2, n_parts=8)], {"a": Estimate(0.0, 4.0)}, 1, 4).seconds == 2.0


def test_what_nobody_knows_takes_no_time():
    assert forecast([task("a"), task("b", "a")], lasting(b=1.0), 2, 2).seconds == 1.0
