"""The report of a run is written once, by one process at a time."""

from __future__ import annotations

import contextlib
import json
import os
import platform
from collections.abc import Callable, Iterator
from typing import NamedTuple

from qspin.engine.keys import digest
from qspin.engine.storage.presence import Presence
from qspin.errors import RunError
from qspin.events import Event, Kind, Reporter, silent
from qspin.experiment.folder import PROCESSES
from qspin.experiment.run_folder import RunFolder
from qspin.files import atomic_write

__all__ = ["WrittenReport", "reporting", "write_report", "written"]

_LOCK = "report.lock"


class WrittenReport(NamedTuple):
    """Of a report that is there.

    Parameters
    ----------
    by : who wrote it
    of : digest of what it was made from
    faults : which of its parts failed, a sentence each
    """

    by: str
    of: str
    faults: list[str]


@contextlib.contextmanager
def reporting(folder: RunFolder, reporter: Reporter = silent) -> Iterator[None]:
    """Around the writing of a report, which one process does at a time; told if another one does."""
    presence = Presence(folder.path / PROCESSES)
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(presence.held(_LOCK, 0))
        except RunError:
            remark = f"another process writes the report of {folder.path}, which is waited for"
            reporter(Event(Kind.NOTE, remark=remark))
            held.enter_context(presence.held(_LOCK))
        yield


def written(folder: RunFolder) -> WrittenReport | None:
    """The report, if it is of everything that there is now."""
    try:
        record = WrittenReport(**json.loads(folder.record_file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return record if folder.report_file.is_file() and record.of == _contents(folder) else None


def write_report(folder: RunFolder, write: Callable[[], list[str]]) -> WrittenReport:
    """Let a report be written of what there is now.

    Only one that is whole, in all its parts, counts as the end of a run: a report of a part, or one that was
    written while the run went on, would make a run that is then killed pass for finished.

    Parameters
    ----------
    write : does it, and tells which parts failed
    """
    folder.record_file.unlink(missing_ok=True)
    atomic_write(folder.part_file, "")
    of = _contents(folder)
    report = WrittenReport(f"process {os.getpid()} on {platform.node()}", of, write())
    atomic_write(folder.record_file, json.dumps(report._asdict()) + "\n")
    if not report.faults and not folder.n_missing:
        folder.part_file.unlink()
    return report


def _contents(folder: RunFolder) -> str:
    """Digest of what a report is made from."""
    store = folder.store
    there = [key for key, t in folder.plan.tasks.items() if store.file(t.action, t.key).is_file()]
    return digest(there, folder.faults())
