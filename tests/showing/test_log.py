"""The log of a run: what is written, and what can be read of it."""

from __future__ import annotations

import contextlib
import io
import json
import multiprocessing
import os
import sys

import pytest

from qspin.events import Event, Kind, silent
from qspin.showing import log
from qspin.showing.log import EventLog, logged, read_line
from qspin.showing.watching import watch

TASK = Event(Kind.START, "k", "glass with exact", "sample", "glass with exact", worker="worker 1")


def written(tmp_path):
    return (tmp_path / "log.jsonl").read_bytes().splitlines()


def events(tmp_path):
    return [told.event for line in written(tmp_path) if (told := read_line(line)) is not None]


EVERYTHING = [
    Event(Kind.BEGIN, n=3, counts={"sample": {"glass with exact": 2}, "measure": {"energy": 1}}),
    Event(Kind.FOUND, n=1, counts={"measure": {"energy": 1}}),
    TASK,
    TASK.now(Kind.PROGRESS, fraction=0.25, remark="half", figures={"best_energy": -1.5}),
    TASK.now(Kind.RETURNED, remark="its worker was lost"),
    TASK.now(Kind.DONE, seconds=1.25),
    TASK.now(Kind.FAILED, remark="glass: broke\nbadly — \x1b[31m"),
    Event(Kind.START, "m", "energy of glass", "measure", is_shown=False),
    Event(Kind.NOTE, remark="ein Wort mit Ü"),
    Event(Kind.ALIVE),
    Event(Kind.END, remark="finished", fraction=1.0),
]


def test_what_is_written_is_read(tmp_path):
    with EventLog(tmp_path / "log.jsonl", silent) as own:
        for event in EVERYTHING:
            own(event)
    read = events(tmp_path)
    assert [abs(a.time - b.time) < 1e-3 for a, b in zip(read, EVERYTHING, strict=True)]
    assert [event.now(event.kind, time=0.0) for event in read] == [
        event.now(event.kind, time=0.0) for event in EVERYTHING
    ]
    assert {read_line(line).run for line in written(tmp_path)} == {own.run}
    assert read_line(written(tmp_path)[0]).place == log.here()


def test_lines_are_json_that_anything_reads(tmp_path):
    with EventLog(tmp_path / "log.jsonl", silent) as own:
        own(TASK)
        own(TASK.now(Kind.PROGRESS, figures={"best_energy": float("nan"), "loss": float("inf"), "n": 1}))
    for line in written(tmp_path):
        json.loads(line, parse_constant=pytest.fail)


def test_progress_of_one_task_is_told_once_a_second(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(log.time, "monotonic", lambda: now[0])
    with EventLog(tmp_path / "log.jsonl", silent) as own:
        for k in range(100):
            now[0] = k / 20
            own(TASK.now(Kind.PROGRESS, fraction=k / 100))
            own(TASK.now(Kind.PROGRESS, fraction=k / 100, key="other"))
    assert len(written(tmp_path)) == 2 * 5


def test_no_token_is_written(tmp_path, monkeypatch):
    monkeypatch.setenv("DWAVE_API_TOKEN", "DEV-0123456789")
    with EventLog(tmp_path / "log.jsonl", silent) as own:
        own(TASK.now(Kind.FAILED, remark="refused DEV-0123456789"))
    assert b"DEV-0123456789" not in b"".join(written(tmp_path))


@pytest.mark.parametrize(
    "line",
    [b"", b"{", b"[]", b"null", b'"begin"', b"\xff\xfe", b"{}", b'{"kind": "begin"}', b'{"run": "a"}',
     b'{"kind": "of later", "run": "a"}', b'{"kind": "start", "run": "a", "time": "soon"}',
     b'{"kind": "start", "run": "a", "figures": [1]}', b'{"kind": "begin", "run": "a", "counts": {"a": 1}}',
     b'{"kind": "progress", "run": "a", "figures": {"loss": null}}', b"[" * 100_000,
     b'{"kind": "progress", "run": "a", "figures": {"loss": ' + b"1" * 400 + b"}}"],
)  # fmt: skip
def test_what_is_no_event_is_none(line):
    assert read_line(line) is None


@pytest.mark.parametrize("name", ["n", "counts", "fraction", "seconds", "time"])
@pytest.mark.parametrize("number", ["Infinity", "-Infinity", "NaN", "1e999", "-1", "1" * 400, "1" * 5000])
def test_a_line_with_a_number_that_none_can_be_is_passed_over(name, number):
    value = f'{{"a": {{"b": {number}}}}}' if name == "counts" else number
    assert read_line(f'{{"kind": "begin", "run": "1@h-1", "{name}": {value}}}'.encode()) is None


def test_the_largest_numbers_can_be_shown(tmp_path):
    counts = {"sample": {"a": 10**12, "b": 10**12}}
    lines = [
        {"kind": "begin", "time": 0, "n": 10**12, "counts": counts},
        {"kind": "found", "time": 0, "n": 10**12, "counts": counts},
        *({"kind": "done", "time": 1e11, "key": f"{k}", "action": "sample", "group": "a", "seconds": 1e11}
          for k in range(2)),
        {"kind": "start", "time": 0, "key": "3", "action": "sample", "group": "b", "worker": "w"},
        {"kind": "progress", "time": 1e11, "key": "3", "fraction": 1.0},
        {"kind": "begin", "n": float("inf")},
    ]  # fmt: skip
    text = "".join(json.dumps({"run": "1@h-1", **line}) + "\n" for line in lines)
    (tmp_path / "log.jsonl").write_text(text)
    out = io.StringIO()
    watch(tmp_path, once=True, out=out)
    assert f"of {10**12} tasks" in out.getvalue()


def test_what_a_later_version_adds_is_passed_over():
    told = read_line(b'{"kind": "start", "run": "a", "time": 1.0, "key": "k", "colour": "red"}')
    assert (told.event.kind, told.event.key) == (Kind.START, "k")


def test_behind_a_line_that_was_cut_a_new_one_begins(tmp_path):
    (tmp_path / "log.jsonl").write_bytes(b'{"time": 1.0, "run": "killed", "kind": "sta')
    with EventLog(tmp_path / "log.jsonl", silent) as own:
        own(TASK)
    assert len(written(tmp_path)) == 2
    assert [event.kind for event in events(tmp_path)] == [Kind.START]


class TestLogged:
    def run(self, tmp_path, error=None):
        told = []
        with (
            contextlib.nullcontext() if error is None else pytest.raises(type(error)),
            logged(tmp_path / "log.jsonl", told.append) as tell,
        ):
            tell(TASK)
            if error is not None:
                raise error
        assert [event.kind for event in told] == [event.kind for event in events(tmp_path)]
        return events(tmp_path)[-1]

    @pytest.mark.parametrize(
        ("error", "remark", "fraction"),
        [(None, "finished", 1.0), (KeyboardInterrupt(), "stopped", 0.0), (OSError("full"), "full", 0.0),
         (MemoryError(), "MemoryError", 0.0)],
    )  # fmt: skip
    def test_the_end_says_how_it_came(self, tmp_path, error, remark, fraction):
        end = self.run(tmp_path, error)
        assert (end.kind, end.remark, end.fraction) == (Kind.END, remark, fraction)


def test_a_process_that_is_quiet_says_that_it_is_there(tmp_path, monkeypatch):
    monkeypatch.setattr(log, "HEARTBEAT", 0.04)
    with logged(tmp_path / "log.jsonl", silent):
        for _ in range(500):
            if any(event.kind == Kind.ALIVE for event in events(tmp_path)):
                break
            log.time.sleep(0.01)
    assert Kind.ALIVE in {event.kind for event in events(tmp_path)}


def test_a_log_that_cannot_be_written_is_told_once_and_costs_nothing(tmp_path):
    told = []
    (tmp_path / "log.jsonl").mkdir()
    with logged(tmp_path / "log.jsonl", told.append) as tell:
        tell(TASK)
        tell(TASK)
    (note,) = [event for event in told if event.kind == Kind.NOTE]
    assert "log.jsonl cannot be written (Is a directory): the run goes on" in note.remark
    assert [event.kind for event in told if event.kind != Kind.NOTE] == [Kind.START, Kind.START, Kind.END]


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is a device of Linux")
def test_so_does_a_full_disk(tmp_path):
    told = []
    (tmp_path / "log.jsonl").symlink_to("/dev/full")
    with logged(tmp_path / "log.jsonl", told.append) as tell:
        tell(TASK)
        tell(TASK)
    assert ["No space left" in event.remark for event in told if event.kind == Kind.NOTE] == [True]


def tell_much(file, n):
    with EventLog(file, silent) as own:
        for k in range(n):
            own(TASK.now(Kind.DONE, key=f"{os.getpid()} {k}"))


def test_several_processes_tear_no_line(tmp_path):
    context = multiprocessing.get_context("spawn")
    file = tmp_path / "log.jsonl"
    processes = [context.Process(target=tell_much, args=(file, 2_000)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    lines = list(filter(None, written(tmp_path)))  # who begins while another writes may leave an empty one
    assert len({event.key for event in events(tmp_path)}) == 6_000 == len(lines)
