"""What a terminal shows, and what a file gets in its place."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys

import pytest

from qspin.events import Event, Kind, step
from qspin.progress import report_progress
from qspin.showing import Terminal, terminal
from qspin.showing.picture import Picture
from qspin.showing.terminal import Lines

BEGIN = Event(Kind.BEGIN, n=3, counts={"sample": {"glass": 2}, "measure": {"energy": 1}})


def task(k, **more):
    return Event(Kind.START, str(k), f"task {k}", **{"action": "sample", "group": "glass", **more})


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    return now


def lines_of(events):
    out = io.StringIO()
    lines = Lines(Picture(), out)
    for event in events:
        lines.see(event)
    return out.getvalue().splitlines()


class TestLines:
    @pytest.mark.parametrize("name", ["FORCE_COLOR", "TTY_COMPATIBLE"])
    def test_a_file_gets_lines_whatever_is_said_of_colours(self, name, monkeypatch, capsys):
        monkeypatch.setenv(name, "1")
        show = Terminal()
        show(BEGIN)
        show(task(1))
        show(Event(Kind.END, remark="stopped"))
        assert capsys.readouterr().err == "[0 of 3 done] task 1\n"

    def test_tasks_that_take_long_are_told_with_how_many_are_done(self, capsys):
        with Terminal() as show:
            show(BEGIN)
            for k in (1, 2):
                show(task(k))
                show(task(k).now(Kind.DONE))
            show(task("m", action="measure", is_shown=False))
            show(task("m", action="measure", is_shown=False).now(Kind.DONE))
            with step(show, "concluding and writing the report"):
                pass
            show(Event(Kind.END, remark="finished", fraction=1.0))
        report = "concluding and writing the report"
        told = f"[0 of 3 done] task 1\n[1 of 3 done] task 2\n{report}\n"
        assert capsys.readouterr() == ("", told)

    def test_those_of_several_workers_too(self, clock):
        clock[0] = 0.0
        out = io.StringIO()
        lines = Lines(Picture(), out)
        for event in (BEGIN, task(1, worker="worker 1"), task(2, worker="worker 2")):
            lines.see(event)
        clock[0] = 20.0
        lines.see(task(2, worker="worker 2").now(Kind.RETURNED))
        lines.see(task(2, worker="worker 2"))
        lines.see(task(1, worker="worker 1").now(Kind.PROGRESS, fraction=0.5))
        begun = ["[0 of 3 done] task 1", *["[0 of 3 done] task 2"] * 2]
        assert out.getvalue().splitlines() == [*begun, "[0 of 3 done] task 1: 50 %"]

    def test_failures_and_notes_are_told(self):
        failed = task(1).now(Kind.FAILED, remark="task 1:\nbroke")
        told = lines_of([BEGIN, task(1), failed, Event(Kind.NOTE, remark="set aside")])
        assert told[1:] == ["failed: task 1: broke", "set aside"]

    def test_thousands_of_quick_tasks_are_summed_up(self, clock):
        """4,000 tasks of 0.1 s: forty lines, one every ten seconds, and a summary a minute."""
        events = [Event(Kind.BEGIN, n=4000, counts={"sample": {"glass": 4000}}, time=0.0)]
        out = io.StringIO()
        lines = Lines(Picture(clock=lambda: clock[0]), out)
        lines.see(events[0])
        for k in range(4000):
            clock[0] += 0.1
            lines.see(task(k, time=clock[0]))
            lines.see(task(k).now(Kind.DONE, seconds=0.1, time=clock[0] + 0.1))
        told = out.getvalue().splitlines()
        summaries = [line for line in told if "tasks" in line]
        assert len(summaries) == 6
        assert re.fullmatch(r"599 of 4000 tasks, 1:00, about 6 min left", summaries[0])
        assert len(told) - len(summaries) == pytest.approx(40 + 40, abs=2)

    def test_of_many_failures_the_first_are_told(self):
        failed = [task(k).now(Kind.FAILED, remark=f"task {k}: broke") for k in range(100)]
        assert len(lines_of([Event(Kind.BEGIN, n=100), *failed])) == 20

    def test_a_long_task_says_now_and_then_how_far_it_is(self, clock):
        out = io.StringIO()
        lines = Lines(Picture(), out)
        lines.see(BEGIN)
        lines.see(task(1))
        for k in range(100):
            clock[0] += 1.0
            figures = {"best_energy": -2.0 - k, "sweeps_per_second": 1.5e6}
            lines.see(task(1).now(Kind.PROGRESS, fraction=k / 100, figures=figures, remark="batch 1"))
        told = out.getvalue().splitlines()
        assert told[1] == "[0 of 3 done] task 1: 14 %, E -16, 1.5 M sweeps/s, batch 1"
        assert len(told) == 1 + 100 // 15

    def test_a_task_that_has_just_begun_says_nothing_yet(self, clock):
        """However long the others have taken; and no line says no more than that nothing is done."""
        out = io.StringIO()
        lines = Lines(Picture(), out)
        lines.see(BEGIN)
        for seconds in (0.0, 14.0, 16.0, 31.5):
            clock[0] = seconds
            if seconds == 14.0:
                lines.see(task(1))
            lines.see(task(1).now(Kind.PROGRESS, fraction=0.001, figures={"best_energy": -2.0}))
            if seconds == 16.0:
                assert out.getvalue().splitlines() == ["[0 of 3 done] task 1"]
        assert out.getvalue().splitlines()[1:] == ["[0 of 3 done] task 1: E -2"]

    def test_what_is_checked_before_is_told_when_it_takes_long(self, clock, capsys):
        with Terminal():
            report_progress(0.1, "embedding")
            clock[0] = 16.0
            report_progress(0.2, "embedding of glass")
        assert capsys.readouterr().err == "checking: embedding of glass\n"


SHOWING = """
import sys, time
from qspin.events import Event, Kind, step
from qspin.showing import Terminal
show = Terminal("name of the run")
print("before")
show(Event(Kind.BEGIN, n=8, counts={"sample": {"glass": 8}}))
for k in range(3):
    task = Event(Kind.START, str(k), f"task {k} with tempering", "sample", "glass", worker=f"worker {k + 1}")
    show(task)
    show(task.now(Kind.PROGRESS, fraction=0.5, figures={"best_energy": -12.5, "sweeps_per_second": 2e6}))
show(task.now(Kind.FAILED, remark="task 2: [bold]broke"))
time.sleep(0.5)
print("amid")
show(Event(Kind.END, remark="stopped"))
print("after")
"""


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_terminal_of_its_own_is_drawn_on_and_left_clean(width):
    """By a process that has one: what it prints stays, no line is longer than there is room for."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", SHOWING],
        stdin=theirs, stdout=theirs, stderr=theirs,
        env={**os.environ, "COLUMNS": str(width), "LINES": "24", "TERM": "xterm"},
    )  # fmt: skip
    os.close(theirs)
    text = b""
    while True:
        try:
            new = os.read(ours, 65536)
        except OSError:
            break
        if not new:
            break
        text += new
    os.close(ours)
    assert process.wait() == 0
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.decode())
    lines = [line.rstrip() for part in plain.splitlines() for line in part.split("\r")]
    assert max(map(len, lines)) <= width
    said = [line for line in lines if line in ("before", "amid", "after", "failed: task 2: [bold]broke")]
    assert said == ["before", "failed: task 2: [bold]broke", "amid", "after"]
    assert any(re.search(r"worker 1 +task 0 with tempering +E -12.5.* 50 %", line) for line in lines)
    assert any("0 of 8 tasks · 1 failed · 4 M sweeps/s" in line for line in lines)
    assert text.count(b"\x1b[?25h") == 1, "the cursor is shown again"


def test_a_note_before_a_run_that_is_refused_leaves_nothing_open(capsys):
    show = Terminal()
    show(Event(Kind.NOTE, remark="the file was set aside"))
    assert capsys.readouterr().err == "the file was set aside\n"
    assert show._shown is None


def test_a_reporter_may_serve_several_runs(capsys):
    show = Terminal()
    for _ in range(2):
        show(BEGIN)
        show(task(1))
        show(task(1).now(Kind.DONE))
        show(Event(Kind.END, remark="finished", fraction=1.0))
    assert capsys.readouterr().err == "[0 of 3 done] task 1\n" * 2
