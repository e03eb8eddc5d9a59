"""Each task is done by one process: claims are taken once, and taken over from who is gone or silent."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from qspin.engine import StoredWork
from qspin.engine.storage import presence
from qspin.engine.storage.claims import Claims
from qspin.engine.storage.presence import BEAT_SECONDS, QUIET_SECONDS, Life, Presence
from qspin.errors import InputError, RunError, StorageError
from qspin.executor import Task

OTHER_MACHINE = "0" * 8


@pytest.fixture
def clock(monkeypatch):
    """A monotonic clock of our own, in seconds; it goes on from the true one, by which some have looked."""
    now = [time.monotonic()]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def quiet(monkeypatch):
    """Nobody gives signs of life by itself."""
    monkeypatch.setattr(Presence, "_beat", lambda self: None)


@pytest.fixture
def pair(tmp_path, quiet):
    """Two processes that fill one store."""
    both = Claims(tmp_path / "claims"), Claims(tmp_path / "claims")
    for claims in both:
        claims.enter()
    yield both
    for claims in both:
        claims.leave()


def beat(claims, number):
    file = claims.folder / f"{claims.name}.process"
    content = file.read_bytes()
    file.write_bytes(f"{number:012}".encode() + content[12:])


def killed(work):
    """Fork, work there, and die."""
    if (child := os.fork()) == 0:
        try:
            work()
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(7)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL


class TestClaims:
    def test_one_takes_what_the_other_has_not(self, pair):
        one, other = pair
        assert one.take("a")
        assert one.take("a"), "ours until it is given back"
        assert not other.take("a")
        assert other.take("b")
        one.give("a")
        assert other.take("a")
        one.give("a")
        assert not one.take("a"), "who gives back what another has takes nothing from it"

    def test_of_many_at_once_one_has_it(self, tmp_path):
        several = [Claims(tmp_path / "claims") for _ in range(4)]
        taken = []
        gate = threading.Barrier(len(several))

        def work(claims):
            claims.enter()
            gate.wait()
            taken.extend(key for key in map(str, range(200)) if claims.take(key))
            gate.wait()
            claims.leave()

        threads = [threading.Thread(target=work, args=(claims,)) for claims in several]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(taken, key=int) == [str(k) for k in range(200)]

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
    def test_what_a_killed_process_had_is_ours_at_once(self, tmp_path):
        dead, claims = Claims(tmp_path / "claims"), Claims(tmp_path / "claims")
        killed(lambda: (dead.enter(), dead.take("a")))
        claims.enter()
        assert (tmp_path / "claims" / "a.claim").exists()
        assert claims.take("a", is_paid=True)
        claims.leave()

    def test_what_a_silent_one_had_is_ours_after_a_minute(self, pair, clock):
        one, other = pair
        one.take("a")
        assert not other.take("a")
        clock[0] += QUIET_SECONDS - 1
        assert not other.take("a")
        beat(one, 7)
        clock[0] += 2
        assert not other.take("a"), "it lives"
        clock[0] += QUIET_SECONDS
        assert other.life(one.name) == Life.SILENT
        assert not other.take("a", is_paid=True), "it may have sent what costs money"
        assert other.take("a")
        assert not one.take("a")

    def test_clocks_that_are_set_back_do_no_harm(self, pair, clock, monkeypatch):
        one, other = pair
        one.take("a")
        assert not other.take("a")
        yesterday = time.time() - 86400
        monkeypatch.setattr(time, "time", lambda: yesterday)
        for file in one.folder.iterdir():
            os.utime(file, (yesterday, yesterday))
        clock[0] += QUIET_SECONDS / 2
        assert not other.take("a")
        beat(one, 3)
        clock[0] += QUIET_SECONDS / 2 + 1
        assert not other.take("a")

    def test_a_free_lock_on_another_machine_is_no_proof(self, tmp_path, clock):
        """Locks of some network filesystems do not reach over; its signs of life do."""
        claims, folder = Claims(tmp_path / "claims"), tmp_path / "claims"
        claims.enter()
        far = f"{OTHER_MACHINE}-1-{OTHER_MACHINE}"
        (folder / f"{far}.process").write_text("000000000001\n{}")
        (folder / "a.claim").write_text(far)
        assert not claims.take("a")
        clock[0] += QUIET_SECONDS + 1
        assert claims.take("a", is_paid=True)
        claims.leave()

    @pytest.mark.parametrize("content", ["nobody", "\0/..", "x" * 999, f"{OTHER_MACHINE}-1-{OTHER_MACHINE}"])
    def test_of_nobody_who_works_here(self, pair, content):
        one, _ = pair
        (one.folder / "a.claim").write_text(content)
        assert one.take("a")
        assert (one.folder / "a.claim").read_text() == one.name

    def test_one_that_says_nothing_yet(self, pair, clock):
        """It is being written, or its process died in between."""
        one, _ = pair
        (one.folder / "a.claim").write_bytes(b"")
        assert not one.take("a")
        clock[0] += QUIET_SECONDS
        assert one.take("a")

    def test_a_full_disk_is_told(self, pair, monkeypatch):
        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "write", full)
        with pytest.raises(StorageError, match=r"could not write .*a\.claim: No space left on device"):
            pair[0].take("a")
        assert not (pair[0].folder / "a.claim").exists()


class TestPresence:
    def test_it_beats(self, tmp_path, monkeypatch):
        monkeypatch.setattr(presence, "BEAT_SECONDS", 0.01)
        one, other = Presence(tmp_path), Presence(tmp_path)
        one.enter()
        file = tmp_path / f"{one.name}.process"
        first = file.read_bytes()
        for _ in range(500):
            time.sleep(0.01)
            if (now := file.read_bytes()) != first:
                break
        assert now[12:] == first[12:]
        assert int(now[:12]) > 0
        assert other.life(one.name) == Life.ALIVE
        one.leave()
        assert other.life(one.name) == Life.GONE

    def test_a_minute_is_many_beats(self):
        assert QUIET_SECONDS > 5 * BEAT_SECONDS

    def test_it_tells_who_it_is(self, tmp_path):
        one, told = Presence(tmp_path), []
        one.enter()
        Presence(tmp_path).enter(told.extend)
        assert told[0].startswith(f"process {os.getpid()} on ")
        (tmp_path / f"{one.name}.process").write_bytes(b"damaged")
        assert one.described(one.name) == f"process {os.getpid()}"
        assert Presence(tmp_path).life(one.name) == Life.ALIVE, "by its lock"

    def test_what_begin_raises_passes(self, tmp_path):
        def refuse(others):
            raise InputError("not here")

        with pytest.raises(InputError, match="not here"):
            Presence(tmp_path).enter(refuse)
        assert [file.name for file in tmp_path.iterdir()] == [".lock"]

    def test_the_last_one_to_leave(self, tmp_path):
        one, other, told = Presence(tmp_path), Presence(tmp_path), []
        one.enter()
        other.enter()
        one.leave(lambda: told.append("one"))
        other.leave(lambda: told.append("other"))
        assert told == ["other"]

    def test_a_lock_that_is_not_given_back(self, tmp_path):
        one, other = Presence(tmp_path), Presence(tmp_path)
        with (
            one.held("a", 1),
            pytest.raises(RunError, match="has been held by another process for 0 s: stop it"),
            other.held("a", 0),
        ):
            pytest.fail("two had it")

    @pytest.mark.parametrize("number", [37, 38], ids=["ENOLCK", "ENOSYS"])
    def test_a_filesystem_without_locks(self, tmp_path, monkeypatch, number):
        fcntl = pytest.importorskip("fcntl")

        def flock(*_):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(fcntl, "flock", flock)
        with pytest.raises(
            InputError, match="without locks .*expected one where flock works. Choose another"
        ):
            Presence(tmp_path / "run" / "claims").enter()


class TestWork:
    TASK = Task("key", "sample", {}, label="the task")

    def test_without_a_block_everything_is_ours(self, tmp_path):
        work = StoredWork(tmp_path)
        assert work.claim(self.TASK)
        assert StoredWork(tmp_path).claim(self.TASK)
        work.release(self.TASK)
        assert work.failed_elsewhere(self.TASK) is None
        assert not list(tmp_path.iterdir())

    def test_two_share_the_tasks(self, tmp_path):
        with StoredWork(tmp_path) as one, StoredWork(tmp_path) as other:
            assert one.claim(self.TASK)
            assert not other.claim(self.TASK)
            one.release(self.TASK)
            assert other.claim(self.TASK)
        assert {file.name for file in (tmp_path / "claims").iterdir()} == {".lock"}

    def test_failures_of_those_who_work_here_now(self, tmp_path):
        """Not those of an earlier run, which are tried again."""
        old = Task("old", "sample", {}, label="an old one")
        StoredWork(tmp_path).record_failure(old, "no memory")
        with StoredWork(tmp_path) as one:
            assert one.failed_elsewhere(old) is None
            one.record_failure(self.TASK, "no luck")
            with StoredWork(tmp_path) as late:
                told = "the task: no luck (traceback in failures/key.txt)"
                assert late.failed_elsewhere(self.TASK) == told
                assert late.failed_elsewhere(old) is None
                one.record_failure(old, "no memory again")
                assert late.failed_elsewhere(old).startswith("an old one: no memory again")
        with StoredWork(tmp_path) as later:
            assert later.failed_elsewhere(self.TASK) is None

    @pytest.mark.parametrize("content", [b"", b"{", b"[1, 2]", b"\xff"])
    def test_a_damaged_note_of_old_failures(self, tmp_path, content):
        with StoredWork(tmp_path) as one:
            one.record_failure(self.TASK, "no luck")
            (tmp_path / "claims" / "failures.json").write_bytes(content)
            with StoredWork(tmp_path) as late:
                assert late.failed_elsewhere(self.TASK) is None
