"""The run folders below a path: what each is of and how far it came, told by files that are quick to read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qspin.engine import Store
from qspin.engine.storage.presence import Presence
from qspin.engine.storage.store import OBJECT_FOLDERS
from qspin.errors import InputError, QspinError, nearest_name
from qspin.events import Kind
from qspin.experiment.folder import CONFIG, PROCESSES, DamagedHead, Head, read_head
from qspin.experiment.run_folder import KIND, RunFolder
from qspin.showing.log import LOG, read_line

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Run", "listed", "planned_keys", "runs_below", "size_of", "told_size"]


@dataclass(frozen=True, eq=False)
class Run:
    """A run folder as a listing shows it.

    Parameters
    ----------
    name : of the folder, below the path that was looked through
    folder : itself
    head : of its config; None where that is damaged
    """

    name: str
    folder: RunFolder
    head: Head | None

    @property
    def path(self) -> Path:
        return self.folder.path

    @property
    def plain(self) -> dict[str, Any]:
        """The resolved config; empty where it is damaged."""
        return {} if self.head is None else self.head.plain

    @property
    def title(self) -> str:
        """The name that its config gives it."""
        return str(self.plain.get("name", ""))

    @property
    def digest(self) -> str:
        return "" if self.head is None else self.head.digest[:10]

    @property
    def when(self) -> datetime:
        """Of the last change that ended or began something, local time."""
        files = (self.path / CONFIG, self.folder.report_file, *(self.path / own for own in OBJECT_FOLDERS))
        return datetime.fromtimestamp(max(file.stat().st_mtime for file in files if file.exists()))

    @cached_property
    def store(self) -> Path:
        """Where its objects lie."""
        shared = (self.plain.get("execution") or {}).get("store")
        return self.path if shared is None else Path(shared)

    @property
    def is_sharing(self) -> bool:
        """Whether its objects lie outside of its folder."""
        return os.path.abspath(self.store) != os.path.abspath(self.path)

    @cached_property
    def n_failed(self) -> int:
        """Tasks of which it is written down what failed."""
        if not self.is_sharing:
            return len(_names(self.path / "failures", ".txt"))
        return len(planned_keys(self.folder) & Store(self.store).failures().keys())

    @cached_property
    def n_done(self) -> int | None:
        """Tasks whose results are there; None where that cannot be told."""
        there = {name for own in OBJECT_FOLDERS for name in _names(self.store / own, ".npz", ".nc")}
        return len(there if not self.is_sharing else there & planned_keys(self.folder))

    @cached_property
    def n_tasks(self) -> int | None:
        """All of them, as its log says; None where there is none."""
        if self.is_sharing:
            return len(planned_keys(self.folder)) or None
        return self.n_done if self.has_whole_report else _begun(self.path / LOG)

    @property
    def has_whole_report(self) -> bool:
        """Whether a report was written of a run that had come to its end."""
        return self.folder.has_whole_report

    @property
    def state(self) -> str:
        """``finished``, ``failed``, ``unfinished``, ``running`` or ``damaged``."""
        if self.head is None:
            return "damaged"
        if Presence(self.path / PROCESSES).present():
            return "running"
        if self.n_failed:
            return "failed"
        return "finished" if self.has_whole_report else "unfinished"

    def row(self) -> dict[str, Any]:
        """Everything that a table of runs shows."""
        return {
            "run": self.name,
            "name": self.title,
            "digest": self.digest,
            "when": self.when,
            "state": self.state,
            "done": self.n_done,
            "tasks": self.n_tasks,
            "failed": self.n_failed,
            "problems": len(self.plain.get("problems") or ()),
            "backends": len(self.plain.get("backends") or ()),
            "studies": ", ".join(self.plain.get("studies") or ()),
            "bytes": size_of(self.path)[1],
        }


def runs_below(path: str | os.PathLike[str]) -> list[Run]:
    """All run folders at or below a path, by name.

    Raises
    ------
    InputError
        If there is no such folder, or no run in it.
    """
    root = Path(path)
    if not root.is_dir():
        raise InputError(f"there is no folder {root}; expected one with run folders, such as runs")
    found = sorted(_found(root), key=lambda run: run.name)
    if not found:
        raise InputError(f"there is no run folder at or below {root}; expected what qspin run wrote")
    return found


def listed(runs: Sequence[Run], sort: Sequence[str] = ()) -> pd.DataFrame:
    """A table of runs.

    Parameters
    ----------
    sort : columns to sort by; a minus in front of one: descending

    Raises
    ------
    InputError
        For a column that is not there.
    """
    import pandas as pd

    frame = pd.DataFrame([run.row() for run in runs])
    names = [name.removeprefix("-") for name in sort]
    for name in names:
        if name not in frame:
            raise InputError(f"no column {name!r}; {nearest_name(name, frame.columns)}", key=("sort",))
    return frame.sort_values(names, ascending=[name[0] != "-" for name in sort]) if names else frame


def size_of(path: Path) -> tuple[int, int]:
    """Number of files below a folder, and their bytes."""
    n_files = n_bytes = 0
    for folder, _, files in os.walk(path):
        for file in files:
            try:
                n_bytes += os.lstat(os.path.join(folder, file)).st_size
            except FileNotFoundError:  # removed meanwhile
                continue
            n_files += 1
    return n_files, n_bytes


def told_size(n_bytes: int) -> str:
    """Bytes for people.

    >>> told_size(512), told_size(3_141_592)
    ('512 B', '3.1 MB')
    """
    value, units = float(n_bytes), ["B", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.0f} B" if units[0] == "B" else f"{value:.1f} {units[0]}"


def _found(root: Path) -> Iterator[Run]:
    for place, folders, files in os.walk(root):
        folder = Path(place)
        if CONFIG in files and (run := _run(root, folder)) is not None:
            folders.clear()
            yield run
        else:
            folders[:] = [name for name in folders if not name.startswith(".")]


def _run(root: Path, folder: Path) -> Run | None:
    """The run in a folder with a config file; None if it is another's."""
    name = folder.name if folder == root else folder.relative_to(root).as_posix()
    try:
        head = read_head(folder)
    except DamagedHead as damage:
        return Run(name, RunFolder(folder), None) if damage.digest else None
    return Run(name, RunFolder(folder), head) if head.kind == KIND else None


def _names(folder: Path, *suffixes: str) -> set[str]:
    """Stems of the files of a folder that end so."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if not entry.name.startswith(".")]
    except FileNotFoundError:
        return set()
    return {stem for name in names for stem, suffix in [os.path.splitext(name)] if suffix in suffixes}


def planned_keys(folder: RunFolder) -> set[str]:
    """Keys of its tasks; none where its config makes no plan any more."""
    try:
        return set(folder.plan.tasks)
    except QspinError:
        return set()


def _begun(log: Path) -> int | None:
    """The number of tasks that a log begins with."""
    try:
        with log.open("rb") as lines:
            events = (told.event for line in lines if (told := read_line(line)) is not None)
            return next((event.n for event in events if event.kind == Kind.BEGIN), None)
    except OSError:
        return None
