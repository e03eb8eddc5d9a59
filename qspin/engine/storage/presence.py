"""Who works in a folder: every process there holds a lock for as long as it works, and gives signs of life.

::

    .lock           held while a process comes, goes, or takes over what another has left
    NAME.lock       held by one process as long as it works here; the system frees it, however that ends
    NAME.process    its beat, a number that goes up, and who it is

No clock is read: an observer counts, by its own monotonic clock, how long a beat has been the same.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import platform
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from qspin.errors import InputError, RunError
from qspin.files import atomic_write, clear_leftovers, require_writable

if TYPE_CHECKING:
    from filelock import BaseFileLock

__all__ = ["BEAT_SECONDS", "QUIET_SECONDS", "Life", "Presence"]

BEAT_SECONDS = 5.0
QUIET_SECONDS = 60.0
"""Without a beat; then a process counts as silent."""
_LOCK_SECONDS = 60.0  # that the short lock is waited for
_BEAT_DIGITS = 12
_NAME = re.compile(r"[0-9a-f]{8}-\d+-[0-9a-f]{8}")


class Life(Enum):
    """What is known of a process."""

    ALIVE = "alive"
    SILENT = "silent"
    """It holds its lock and gives no sign: stopped, or its machine is lost."""
    GONE = "gone"


class Presence:
    """This process in a folder where others may work too.

    Parameters
    ----------
    folder : of the files of all of them; nothing is written before `enter`
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.name = f"{_machine()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._lock: BaseFileLock | None = None
        self._is_leaving = threading.Event()
        self._seen: dict[str, tuple[bytes, float]] = {}

    def enter(self, begin: Callable[[list[str]], object] = len) -> None:
        """Be one of those who work here, until `leave`.

        Parameters
        ----------
        begin : told who else does, a few words each, while nobody can come or go; what it raises passes, and
            this process has not come

        Raises
        ------
        InputError
            If nothing can be written there, or the filesystem has no locks.
        """
        require_writable(self.folder / ".lock")
        _require_locks(self.folder)
        with self.undisturbed():
            begin(self.others())
            self._lock = _lock_of(self.folder / f"{self.name}.lock")
            self._lock.acquire(timeout=0)
            us = {"pid": os.getpid(), "host": platform.node(), "since": time.strftime("%Y-%m-%d %H:%M:%S %z")}
            atomic_write(self._file(self.name), f"{0:0{_BEAT_DIGITS}}\n{json.dumps(us)}\n", lasting=False)
        threading.Thread(target=self._beat, name="qspin-beat", daemon=True).start()

    def leave(self, end: Callable[[], object] = dict) -> None:
        """Work here no more.

        Parameters
        ----------
        end : called while nobody can come or go, if this is the last one to leave
        """
        self._is_leaving.set()
        with self.undisturbed():
            self._file(self.name).unlink(missing_ok=True)
            if self._lock is not None:
                self._lock.release()
            (self.folder / f"{self.name}.lock").unlink(missing_ok=True)
            if not self.others():
                end()

    @contextlib.contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Around what only one process may do at a time; short.

        Raises
        ------
        RunError
            If another process has been at such a thing for a minute.
        """
        with self.held(".lock", _LOCK_SECONDS):
            yield

    @contextlib.contextmanager
    def held(self, name: str, seconds: float | None = None) -> Iterator[None]:
        """Hold a lock of this folder; raises RunError if another process does for so many seconds."""
        from filelock import Timeout

        self.folder.mkdir(parents=True, exist_ok=True)
        lock = _lock_of(self.folder / name)
        try:
            lock.acquire(timeout=-1 if seconds is None else seconds)
        except Timeout:
            raise RunError(
                f"{self.folder / name} has been held by another process for {seconds:.0f} s: stop it, then "
                "run again"
            ) from None
        try:
            yield
        finally:
            lock.release()

    # -- others ----------------------------------------------------------------------------------

    def present(self) -> list[str]:
        """Who works here, a few words each; changes nothing, so that anybody may ask at any time."""
        names = [file.stem for file in sorted(self.folder.glob("*.process"))]
        return [self.described(name) for name in names if self.life(name) != Life.GONE]

    def others(self) -> list[str]:
        """Who else works here, a few words each; what those who are gone have left is removed, so this is
        for times when nobody comes or goes."""
        found = []
        clear_leftovers(self.folder)
        for file in sorted(self.folder.glob("*.process")):
            if file.stem == self.name or not _NAME.fullmatch(file.stem):
                continue
            if self.life(file.stem) != Life.GONE:
                found.append(self.described(file.stem))
            else:
                file.unlink(missing_ok=True)
        for file in self.folder.glob("*.lock"):
            if _NAME.fullmatch(file.stem) and not self._file(file.stem).exists():
                file.unlink(missing_ok=True)
        return found

    def life(self, name: str) -> Life:
        """Of another process.

        One on this machine is gone as soon as its lock is free. Locks of some network filesystems do not
        reach other machines: from there, silence counts too.
        """
        is_quiet = self._is_quiet(name) if _NAME.fullmatch(name) else None
        if is_quiet is None:
            return Life.GONE
        is_ours = name.partition("-")[0] == _machine()
        if (is_ours or is_quiet) and self._is_free(name):
            return Life.GONE
        return Life.SILENT if is_quiet else Life.ALIVE

    def described(self, name: str) -> str:
        """A few words about a process."""
        try:
            who = json.loads(self._file(name).read_text("utf-8").partition("\n")[2])
            return f"process {who['pid']} on {who['host']}, since {who['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            return f"process {name.split('-')[1]}"

    def _is_quiet(self, name: str) -> bool | None:
        """Whether its beat has been the same for too long; None if it has left."""
        try:
            with self._file(name).open("rb") as file:
                beat = file.read(_BEAT_DIGITS)
        except FileNotFoundError:
            return None
        before, since = self._seen.get(name, (None, 0.0))
        if beat != before:
            since = time.monotonic()
            self._seen[name] = beat, since
        return time.monotonic() - since >= QUIET_SECONDS

    def _is_free(self, name: str) -> bool:
        from filelock import Timeout

        path = self.folder / f"{name}.lock"
        if not path.exists():
            return True
        lock = _lock_of(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        lock.release()
        return True

    # -- this one --------------------------------------------------------------------------------

    def _beat(self) -> None:
        beat = 0
        while not self._is_leaving.wait(BEAT_SECONDS):
            beat += 1
            # where a network is away for a while, others see silence
            with contextlib.suppress(OSError), self._file(self.name).open("r+b") as file:
                file.write(f"{beat:0{_BEAT_DIGITS}}".encode())

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.process"


@functools.cache
def _machine() -> str:
    """Names this machine since it was started: containers on it share its locks, other machines may not."""
    try:
        known = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    except OSError:
        known = platform.node()
    return hashlib.sha256(known.encode()).hexdigest()[:8]


def _lock_of(path: Path) -> BaseFileLock:
    from filelock import FileLock

    return FileLock(path, thread_local=False, poll_interval=0.01)


def _require_locks(folder: Path) -> None:
    """Raises InputError on a filesystem where the lock of a file cannot be taken."""
    try:
        import fcntl
    except ImportError:  # Windows, where every filesystem has locks
        return
    with (folder / ".lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        except OSError as error:
            raise InputError(
                f"{folder.parent} lies on a filesystem without locks ({error.strerror}), where two processes "
                "could do the same work twice; expected one where flock works. Choose another folder with "
                "--out, and another one for the objects with --set execution.store=PATH"
            ) from error
