"""Which process does a task: claims in a store that several may fill.

::

    claims/KEY.claim    the name of the process that does a task now
    claims/…            who these processes are: see `qspin.engine.storage.presence`
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from qspin.engine.storage.presence import QUIET_SECONDS, Life, Presence
from qspin.errors import StorageError
from qspin.files import atomic_write

__all__ = ["Claims"]

_MOST_BYTES = 1_000  # of a claim
_KNOWN_SECONDS = 0.5  # that what was found out about a process holds


class Claims(Presence):
    """This process among those that fill a store, and the tasks that it has taken over.

    Parameters
    ----------
    folder : of all claims
    """

    def __init__(self, folder: Path):
        super().__init__(folder)
        self._place = str(folder)
        self._ours: set[str] = set()
        self._nameless: dict[str, float] = {}
        self._known: dict[str, tuple[Life, float]] = {}

    def take(self, key: str, *, is_paid: bool = False) -> bool:
        """Take a task over; False while another process has it.

        What a process had that is gone is ours at once, and what a silent one has after a minute, unless it
        is paid: that one may have sent it.

        Raises
        ------
        StorageError
            If a claim cannot be written.
        """
        file = self._claim(key)
        for _ in range(2):  # the one who had it may give it back while we look
            try:
                self._write_new(file)
            except FileExistsError:
                holder = self._holder(file)
            except OSError as error:
                raise StorageError(
                    f"could not write {file}: {error.strerror}. Free some space or choose another folder, "
                    "then run again"
                ) from error
            else:
                self._ours.add(key)
                return True
            if holder == self.name:
                return True
            if holder is not None:
                return self._may_go(key, holder, is_paid) and self._steal(key, holder)
        return False

    def give(self, key: str) -> None:
        """Give a task back, done or not."""
        self._ours.discard(key)
        self._nameless.pop(key, None)
        file = self._claim(key)
        if self._holder(file) == self.name:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(file)

    def give_all(self) -> None:
        """Give back what this process still has."""
        for key in list(self._ours):
            self.give(key)

    def clear(self) -> None:
        """Remove all claims, where nobody else works."""
        for file in self.folder.glob("*.claim"):
            file.unlink(missing_ok=True)

    def _claim(self, key: str) -> str:
        return os.path.join(self._place, f"{key}.claim")  # a third of the time of a Path

    def _write_new(self, file: str) -> None:
        descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        try:
            os.write(descriptor, self.name.encode())
        except OSError:
            os.unlink(file)
            raise
        finally:
            os.close(descriptor)

    def _holder(self, file: str) -> str | None:
        """Name of the process that has a task; None if none has, empty where that cannot be told."""
        try:
            descriptor = os.open(file, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            return os.read(descriptor, _MOST_BYTES).decode("utf-8", "replace")
        finally:
            os.close(descriptor)

    def _may_go(self, key: str, holder: str, is_paid: bool) -> bool:
        """Whether a task can be taken away from who has it."""
        if not holder:  # just being written, or its process died in between
            since = self._nameless.setdefault(key, time.monotonic())
            return time.monotonic() - since >= QUIET_SECONDS
        life, since = self._known.get(holder, (Life.ALIVE, float("-inf")))
        if time.monotonic() - since >= _KNOWN_SECONDS:
            life = self.life(holder)
            self._known[holder] = life, time.monotonic()
        return life == Life.GONE or (life == Life.SILENT and not is_paid)

    def _steal(self, key: str, holder: str) -> bool:
        """Take a task from who had it; False if another process was faster."""
        file = self._claim(key)
        with self.undisturbed():
            if self._holder(file) != holder:
                return False
            atomic_write(file, self.name, lasting=False)
        self._ours.add(key)
        return True
