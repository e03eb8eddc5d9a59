"""A run, watched from elsewhere."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from conftest import qspin

from qspin.errors import InputError
from qspin.events import Event, Kind, silent
from qspin.showing import watching
from qspin.showing.log import EventLog, here
from qspin.showing.watching import Tail, Watch, watch

CONFIG = """\
schema: 2
name: long
problems:
  glass: {kind: sherrington_kirkpatrick, n_spins: 64}
backends:
  exact: {name: exact, betas: [0.5], n_replicas: 4}
  slow: {name: tempering, betas: [0.5, 1.0], n_replicas: 2, n_sweeps: 2000000000}
"""


def begin(n=4):
    return Event(Kind.BEGIN, n=n, counts={"sample": {"glass": n}})


def task(key, **more):
    return Event(Kind.START, key, f"glass {key}", "sample", "glass", **more)


class Elsewhere(EventLog):
    """As of a process on another machine."""

    def __init__(self, folder, monkeypatch, host="far"):
        super().__init__(folder / "log.jsonl", silent)
        self.run = f"{os.getpid()}@{host}-0000"
        monkeypatch.setattr("qspin.showing.log.here", lambda: "another place")


@pytest.fixture
def far(tmp_path, monkeypatch):
    with Elsewhere(tmp_path, monkeypatch) as own:
        yield own


def shown(folder, **options):
    out = io.StringIO()
    return watch(folder, out=out, once=True, **options), out.getvalue()


class TestStates:
    def test_a_run_that_goes_on(self, tmp_path, far):
        far(begin())
        far(task("a"))
        far(task("a").now(Kind.DONE, seconds=60.0))
        far(task("b", worker="worker 2"))
        far(task("b", worker="worker 2").now(Kind.PROGRESS, fraction=0.5, figures={"best_energy": -7.5}))
        well, text = shown(tmp_path)
        assert well
        assert "1 of 4 tasks" in text
        assert re.search(r"worker 2 +glass b +E -7.5 +50 %", text)

    def test_a_finished_one(self, tmp_path, far):
        far(begin(1))
        far(task("a"))
        far(task("a").now(Kind.DONE))
        far(Event(Kind.END, remark="finished", fraction=1.0))
        assert watch(tmp_path, out=(out := io.StringIO())), "it does not wait for more"
        assert "1 of 1 task · 0:00 · finished" in out.getvalue()

    def test_a_stopped_one(self, tmp_path, far):
        far(begin())
        far(task("a"))
        far(Event(Kind.END, remark="stopped"))
        well, text = shown(tmp_path)
        assert (well, "0 of 4 tasks · 0:00 · unfinished: stopped" in text) == (False, True)

    def test_one_that_lacks_tasks_says_which(self, tmp_path, far):
        far(begin(7))
        for k in range(7):
            far(task(str(k)))
            far(task(str(k)).now(Kind.FAILED, remark=f"glass {k}: no luck [here]"))
        far(Event(Kind.END, remark="7 of 7 tasks failed"))
        well, text = shown(tmp_path)
        assert not well
        assert "0 of 7 tasks · 7 failed" in text
        assert "failed: glass 0: no luck [here]" in text
        assert "and 2 more, all with their reasons in" in text

    def test_one_that_tells_nothing_any_more(self, tmp_path, far):
        far(begin())
        far(task("a"))
        far(task("a").now(Kind.PROGRESS, figures={"sweeps_per_second": 1e6}))
        hour_ago = time.time() - 3600
        line = (tmp_path / "log.jsonl").read_bytes()
        (tmp_path / "log.jsonl").write_bytes(re.sub(rb'"time": [\d.]+', b'"time": %f' % hour_ago, line))
        os.utime(tmp_path / "log.jsonl", (hour_ago, hour_ago))
        well, text = shown(tmp_path)
        assert not well
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(hour_ago))
        assert re.search(rf"silent for 60 min, since {since}:\d\d by the clock of \d+@far", text)
        assert re.search(r"glass a +silent for 60 min", text)
        assert "left" not in text
        assert "sweeps/s" not in text

    @pytest.mark.parametrize("shift", [-86_400.0, 86_400.0])
    def test_a_clock_that_is_a_day_off_does_no_harm(self, tmp_path, far, shift):
        far(begin())
        far(task("a"))
        line = (tmp_path / "log.jsonl").read_bytes()
        told = b'"time": %f' % (time.time() + shift)
        (tmp_path / "log.jsonl").write_bytes(re.sub(rb'"time": [\d.]+', told, line))
        well, text = shown(tmp_path)
        assert (well, "silent" in text, "0:00" in text) == (True, False, True)

    def test_a_log_without_a_word(self, tmp_path):
        (tmp_path / "log.jsonl").touch()
        assert Watch(tmp_path).state.words[0] == "nothing is told yet"

    def test_what_another_process_finished_is_finished(self, tmp_path, far, monkeypatch):
        """One was killed far away, and nobody there could say so."""
        far(begin(2))
        far(task("a"))
        with Elsewhere(tmp_path, monkeypatch, host="near") as near:
            near(begin(2))
            for key in "ab":
                near(task(key))
                near(task(key).now(Kind.DONE))
            near(Event(Kind.END, remark="finished", fraction=1.0))
        watched = Watch(tmp_path)
        watched.picture.processes[far.run].seen -= 3600
        assert watched.state.words[0] == "finished"


class TestFolders:
    def test_none(self, tmp_path):
        with pytest.raises(InputError, match="nowhere is no folder; expected the folder of a run"):
            Watch(tmp_path / "nowhere")

    def test_another(self, tmp_path):
        with pytest.raises(InputError, match="has no log.jsonl; expected the folder of a run"):
            Watch(tmp_path)

    def test_a_log_that_goes_away(self, tmp_path, far):
        far(begin())
        watched = Watch(tmp_path)
        (tmp_path / "log.jsonl").unlink()
        with pytest.raises(InputError, match="cannot be read: No such file"):
            watched.look()


class TestTail:
    def test_a_part_of_a_line_waits_for_its_rest(self, tmp_path):
        file = tmp_path / "log"
        file.write_bytes(b"one\ntw")
        tail = Tail(file)
        assert tail.read() == ([b"one"], False)
        assert tail.read() == ([], False)
        with file.open("ab") as opened:
            opened.write(b"o\nthree\n")
        assert tail.read() == ([b"two", b"three"], False)

    def test_a_file_that_is_made_anew_is_read_anew(self, tmp_path):
        file = tmp_path / "log"
        file.write_bytes(b"one\ntwo\n")
        tail = Tail(file)
        tail.read()
        file.write_bytes(b"1\n")
        assert tail.read() == ([b"1"], True)
        (tmp_path / "other").write_bytes(b"a longer one\n")
        (tmp_path / "other").replace(file)
        assert tail.read() == ([b"a longer one"], True)

    def test_so_is_the_picture(self, tmp_path, far):
        far(begin())
        far(task("a").now(Kind.DONE))
        watched = Watch(tmp_path)
        assert watched.picture.done == 1
        text = (tmp_path / "log.jsonl").read_bytes()
        (tmp_path / "log.jsonl").write_bytes(text.splitlines(keepends=True)[0])
        watched.look()
        assert (watched.picture.done, watched.picture.total) == (0, 4)


def test_twenty_thousand_lines_of_which_the_last_is_half(tmp_path, far):
    far(begin(10_000))
    for k in range(10_000):
        own = task(f"{k:020}", worker=f"worker {k % 8}")
        far(own)
        far(own.now(Kind.DONE, seconds=0.1) if k < 9_990 else own.now(Kind.PROGRESS, fraction=0.5))
    whole = (tmp_path / "log.jsonl").read_bytes()
    (tmp_path / "log.jsonl").write_bytes(whole[:-40])
    watched = Watch(tmp_path)
    assert (watched.picture.done, len(list(watched.picture.doing()))) == (9_990, 8)


def test_following_ends_with_the_run(tmp_path, far, monkeypatch):
    """Every look finds one event more."""
    rest = [
        task("a"),
        task("a").now(Kind.DONE),
        Event(Kind.NOTE, remark="something to know"),
        task("b"),
        task("b").now(Kind.FAILED, remark="glass b: broke"),
        Event(Kind.END, remark="1 of 2 tasks failed"),
    ]
    far(begin(2))
    monkeypatch.setattr(watching.time, "sleep", lambda seconds: far(rest.pop(0)))
    out = io.StringIO()
    assert not watch(tmp_path, out=out)
    lines = out.getvalue().splitlines()
    assert lines[:5] == [
        "0 of 2 tasks, 0:00", "[0 of 2 done] glass a", "something to know", "[1 of 2 done] glass b",
        "failed: glass b: broke",
    ]  # fmt: skip
    assert "unfinished: 1 of 2 tasks failed" in " ".join(lines[5:])


def test_whoever_has_seen_enough_leaves(tmp_path, far, monkeypatch):
    def leave(seconds):
        raise KeyboardInterrupt

    far(begin())
    monkeypatch.setattr(watching.time, "sleep", leave)
    assert watch(tmp_path, out=io.StringIO())


FAR = re.compile(r'"fraction": ?(0\.0*)?[1-9]')


@pytest.mark.usefixtures("compiled")
def test_a_run_in_another_process_until_it_is_killed(tmp_path):
    """It is seen at work, then gone, by the command itself."""
    (tmp_path / "long.yaml").write_text(CONFIG.replace("n_spins: 64", "n_spins: 6"))
    command = [sys.executable, "-m", "qspin", "run", "long.yaml", "--out", "here", "--executor", "in_process"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 100
        while time.monotonic() < deadline and process.poll() is None:
            log = tmp_path / "here" / "log.jsonl"
            lines = log.read_text().splitlines() if log.is_file() else []
            if any(FAR.search(line) for line in lines if "sweeps_per_second" in line):
                break
            time.sleep(0.1)
        seen = qspin("watch", "here", "--once", cwd=tmp_path)
        assert seen.returncode == 0, seen.stderr
        assert re.search(r"here · \d+ of \d+ tasks · .* sweeps/s", seen.stdout)
        assert re.search(r"glass with slow +E -.*%", seen.stdout)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    followed = qspin("watch", "here", cwd=tmp_path)
    assert followed.returncode == 1
    assert re.search(rf"unfinished: process {process.pid}@\S+ is gone; go\s+on with", followed.stdout)
    nothing = qspin("watch", "nowhere", cwd=tmp_path)
    assert nothing.returncode == 2
    assert nothing.stderr.startswith("error: nowhere is no folder; expected the folder of a run, which")


def test_places_are_the_same_for_processes_that_see_each_other():
    code = "from qspin.showing.log import here; print(here())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == here()
