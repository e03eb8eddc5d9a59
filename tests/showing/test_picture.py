"""What events add up to."""

from __future__ import annotations

import itertools

import pytest

from qspin.events import Event, Kind
from qspin.showing.drawing import facts
from qspin.showing.picture import Picture

COUNTS = {"sample": {"quick": 4, "slow": 2}, "measure": {"energy": 6}}


class Clock:
    """Of whoever looks."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def picture(clock):
    return Picture("run", clock)


def begin(time=0.0, counts=COUNTS):
    n = sum(n for groups in counts.values() for n in groups.values())
    return Event(Kind.BEGIN, n=n, counts=counts, time=time)


def start(key, group="quick", action="sample", worker="", time=0.0, **more):
    return Event(Kind.START, key, f"task {key}", action, group, worker=worker, time=time, **more)


def done(event, seconds=1.0, time=0.0):
    return event.now(Kind.DONE, seconds=seconds, time=time)


def do(picture, keys, *, seconds=1.0, process="", **about):
    for key in keys:
        picture.see(start(key, **about), process)
        picture.see(done(start(key, **about), seconds), process)


class TestCounts:
    def test_nothing_is_known_at_first(self, picture):
        assert (picture.done, picture.total, picture.failed, picture.fraction) == (0, 0, 0, 0.0)
        assert picture.left() is None
        assert list(picture.doing()) == []

    def test_done_failed_found(self, picture):
        picture.see(begin())
        do(picture, "abc")
        picture.see(start("d"))
        picture.see(start("d").now(Kind.FAILED, remark="task d: broke"))
        picture.see(Event(Kind.FOUND, n=2, counts={"sample": {"slow": 2}}))
        assert (picture.done, picture.failed, picture.total) == (5, 1, 12)
        assert picture.failures == {"d": "task d: broke"}
        assert picture.fraction == pytest.approx(6 / 12)

    def test_what_cannot_begin_has_not_failed_and_is_not_done(self, picture):
        picture.see(begin())
        picture.see(start("a"))
        picture.see(start("a").now(Kind.FAILED, remark="task a: broke"))
        for key in "bcd":
            picture.see(start(key).now(Kind.BLOCKED, remark=f"task {key}: needs task a, which failed"))
        assert (picture.failed, picture.blocked, picture.left_to_do) == (1, 3, 8)
        assert list(picture.failures) == ["a"]
        assert picture.fraction == pytest.approx(1 / 12)
        assert [text for text, _ in facts(picture)][1:3] == ["1 failed", "3 cannot begin without them"]

    def test_what_is_under_way_counts_in_part(self, picture):
        picture.see(begin())
        picture.see(start("a"))
        picture.see(start("a").now(Kind.PROGRESS, fraction=0.5))
        assert picture.fraction == pytest.approx(0.5 / 12)

    def test_a_task_that_went_back_is_done_by_another_worker(self, picture):
        picture.see(begin())
        picture.see(start("a", worker="worker 1"))
        picture.see(start("a", worker="worker 1").now(Kind.RETURNED))
        assert list(picture.doing()) == []
        picture.see(start("a", worker="worker 2"))
        assert [doing.start.worker for doing in picture.doing()] == ["worker 2"]
        picture.see(done(start("a", worker="worker 2")))
        assert (picture.done, picture.failed) == (1, 0)

    def test_a_step_beside_the_tasks_is_none_of_them(self, picture):
        picture.see(begin())
        step = Event(Kind.START, "concluding", "concluding")
        picture.see(step)
        assert [doing.start.label for doing in picture.doing()] == ["concluding"]
        picture.see(step.now(Kind.DONE, seconds=3.0))
        assert picture.done == 0

    def test_a_step_alone_is_all_there_is(self, picture):
        step = Event(Kind.START, "sampling", "sampling")
        picture.see(step)
        picture.see(step.now(Kind.PROGRESS, fraction=0.25))
        assert picture.fraction == 0.25
        picture.see(step.now(Kind.DONE, seconds=1.0))
        assert picture.fraction == 1.0

    def test_workers_stand_in_the_order_of_their_numbers(self, picture):
        picture.see(begin())
        for k in (10, 9, 1):
            picture.see(start(str(k), worker=f"worker {k}"))
        assert [doing.start.worker for doing in picture.doing()] == ["worker 1", "worker 9", "worker 10"]

    def test_figures_stay_until_others_come(self, picture):
        picture.see(begin())
        picture.see(start("a"))
        picture.see(start("a").now(Kind.PROGRESS, figures={"best_energy": -3.0, "sweeps_per_second": 10.0}))
        picture.see(start("a").now(Kind.PROGRESS, fraction=0.1, figures={"sweeps_per_second": 20.0}))
        (doing,) = picture.doing()
        assert doing.figures == {"best_energy": -3.0, "sweeps_per_second": 20.0}
        assert picture.figure("sweeps_per_second") == 20.0
        assert picture.figure("loss") is None


class TestSeveralProcesses:
    """Each is told what the others did as found."""

    def test_no_task_is_counted_twice(self, picture):
        picture.see(begin(), "a")
        picture.see(begin(), "b")
        do(picture, "123", process="a")
        do(picture, "456", process="b")
        picture.see(Event(Kind.FOUND, n=3, counts={"sample": {"quick": 3}}), "a")
        picture.see(Event(Kind.FOUND, n=3, counts={"sample": {"quick": 3}}), "b")
        assert picture.done == 6

    def test_what_one_found_is_not_lost_for_the_other(self, picture):
        """Five tasks were there before; only the first process has looked at them so far."""
        picture.see(begin(), "a")
        picture.see(Event(Kind.FOUND, n=5, counts={"measure": {"energy": 5}}), "a")
        picture.see(begin(), "b")
        do(picture, "1", process="a")
        assert picture.done == 6

    def test_one_takes_over_what_another_left(self, picture):
        picture.see(begin(), "a")
        picture.see(start("1"), "a")
        picture.see(begin(), "b")
        picture.see(start("1"), "b")
        assert [doing.process.name for doing in picture.doing()] == ["b"]

    def test_clocks_need_not_agree(self, picture, clock):
        """The second machine lives a day in the past; both have been at work for 30 s."""
        day = 86_400.0
        picture.see(begin(time=day), "a")
        picture.see(begin(time=0.0), "b")
        picture.see(start("1", time=day), "a")
        picture.see(start("2", time=0.0), "b")
        clock.now = 30.0
        for key, process, time in (("1", "a", day + 30), ("2", "b", 30.0)):
            picture.see(start(key).now(Kind.PROGRESS, fraction=0.5, time=time), process)
        assert [doing.seconds for doing in picture.doing()] == [30.0, 30.0]
        assert picture.seconds == 30.0
        clock.now = 40.0
        assert [doing.seconds for doing in picture.doing()] == [40.0, 40.0]

    def test_a_clock_that_is_set_back_makes_nothing_negative(self, picture):
        picture.see(begin(time=1_000.0))
        picture.see(start("1", time=1_000.0))
        picture.see(start("1").now(Kind.PROGRESS, fraction=0.5, time=0.0))
        (doing,) = picture.doing()
        assert (doing.seconds, picture.seconds) == (0.0, 0.0)

    def test_how_long_ago_may_be_longer_than_the_machine_is_up(self, picture, clock):
        clock.now = 10.0
        picture.see(begin(), "a", age=86_400.0)
        assert picture.processes["a"].age == 86_400.0
        assert picture.processes["a"].is_silent

    def test_a_run_that_goes_on_begins_anew(self, picture):
        picture.see(begin(), "a")
        do(picture, "1", process="a")
        picture.see(start("2"), "a")
        picture.see(start("2").now(Kind.FAILED, remark="broke"), "a")
        picture.see(Event(Kind.END, remark="stopped"), "a")
        assert (picture.done, picture.failed, list(picture.doing())) == (1, 1, [])
        picture.see(begin(), "b")
        assert (picture.done, picture.failed, picture.failures) == (0, 0, {})
        picture.see(Event(Kind.FOUND, n=1, counts={"sample": {"quick": 1}}), "b")
        assert picture.done == 1

    def test_a_failure_that_is_tried_again_is_none_until_then(self, picture):
        picture.see(begin(), "killed")
        picture.see(start("1"), "killed")
        picture.see(start("1").now(Kind.FAILED, remark="broke"), "killed")
        picture.see(begin(), "b")
        picture.see(start("1"), "b")
        assert picture.failed == 0


class TestTimeLeft:
    """Four quick tasks of 1 s and two slow ones of 10 s, each measured in 0.5 s: 27 s in all."""

    def test_each_kind_takes_what_its_own_took(self, picture):
        picture.see(begin())
        do(picture, "a", group="quick", seconds=1.0)
        do(picture, "b", group="slow", seconds=10.0)
        do(picture, "c", group="energy", action="measure", seconds=0.5)
        assert picture.left() == (3 * 1.0 + 10.0 + 5 * 0.5, False)

    def test_two_workers_take_half(self, picture):
        picture.see(begin())
        do(picture, "b", group="slow", seconds=10.0)
        do(picture, "c", group="energy", action="measure", seconds=0.5)
        for key, worker in (("d", "worker 1"), ("e", "worker 2")):
            picture.see(start(key, worker=worker))
        picture.see(done(start("d", worker="worker 1"), 1.0))
        picture.see(done(start("e", worker="worker 2"), 1.0))
        assert picture.left() == ((2 * 1.0 + 10.0 + 5 * 0.5) / 2, False)

    def test_the_longest_that_is_under_way_is_waited_for(self, picture, clock):
        picture.see(begin(counts={"sample": {"quick": 1, "slow": 1}}))
        picture.see(start("b", "slow", worker="worker 1"))
        do(picture, "a", worker="worker 2", seconds=0.1)
        clock.now = 10.0
        picture.see(start("b", "slow", worker="worker 1").now(Kind.PROGRESS, fraction=0.1, time=10.0))
        assert picture.left().seconds == pytest.approx(90.0)

    def test_a_task_says_itself_how_long_it_takes(self, picture, clock):
        picture.see(begin(counts={"sample": {"slow": 3}}))
        picture.see(start("b", "slow"))
        assert picture.left() is None
        clock.now = 5.0
        picture.see(start("b", "slow").now(Kind.PROGRESS, fraction=0.25, time=5.0))
        assert picture.left() == (15.0 + 2 * 20.0, False)

    def test_what_nobody_knows_makes_it_a_lower_bound(self, picture):
        picture.see(begin())
        do(picture, "a", seconds=1.0)
        left = picture.left()
        assert left.is_least, "how long a measure takes is not known"
        assert left.seconds == 3 * 1.0 + 2 * 1.0, "a slow sample counts as one that was seen"

    def test_what_passes_between_tasks_counts_too(self, picture, clock):
        """Twenty tasks of 0.01 s, each of which takes 0.1 s with all that is done around it."""
        picture.see(begin(counts={"sample": {"quick": 120}}))
        for k in range(20):
            task = start(str(k), time=0.1 * k)
            picture.see(task)
            picture.see(done(task, 0.01, time=0.1 * (k + 1)))
        assert picture.left().seconds == pytest.approx(100 * 0.1, rel=0.05)

    def test_nothing_is_left_at_the_end(self, picture):
        picture.see(begin(counts={"sample": {"quick": 2}}))
        do(picture, "ab")
        assert picture.left() is None


def test_ten_thousand_tasks_are_folded_quickly(picture):
    picture.see(begin(counts={"sample": {f"group {k}": 100 for k in range(100)}}))
    for k, own in itertools.product(range(100), range(100)):
        do(picture, [f"{k} {own}"], group=f"group {k}")
    assert picture.done == 10_000
    assert picture.left() is None
