"""What of runs can go: a whole folder that is named, or what no config needs any more.

Nothing is deleted where a process works, nor what this version of qspin cannot tell to be needed. A store
that runs share keeps its objects: whoever looks below one path cannot know which runs elsewhere need them.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import shlex
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qspin.engine import Store
from qspin.engine.storage.marker import is_store
from qspin.engine.storage.presence import Presence
from qspin.engine.storage.store import OBJECT_FOLDERS
from qspin.errors import InputError, QspinError, StorageError, nearest_name
from qspin.experiment.folder import CONFIG, PROCESSES
from qspin.experiment.runs.listing import Run, planned_keys, size_of, told_size
from qspin.files import PARTIAL
from qspin.showing.log import LOG

__all__ = ["Deletion", "delete", "prunable", "removable"]

_OURS = {
    *OBJECT_FOLDERS, "failures", "claims", "damaged", "store.json", CONFIG, PROCESSES, LOG, ".lock",
    "environment.json", "results", "figures", "analysis.nc", "metrics.csv", "remarks.txt", "report.html",
    ".report.json", ".report-of-a-part",
}  # fmt: skip


@dataclass(frozen=True)
class Deletion:
    """Files of one folder that are to go.

    Parameters
    ----------
    title : the folder, for people
    place : itself
    parts : what they are -> files; empty where all of it goes
    is_whole : whether the folder goes
    remarks : what else to know
    """

    title: str
    place: Path
    parts: dict[str, list[Path]] = field(default_factory=dict)
    is_whole: bool = False
    remarks: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Number of files, and their bytes."""
        return size_of(self.place) if self.is_whole else _size(itertools.chain(*self.parts.values()))

    def __str__(self) -> str:
        lines = [f"{self.title}: the whole run, {_told(*self.size)}"] if self.is_whole else []
        if not self.is_whole:
            parts = [f"{_told(*_size(own))} of {what}" for what, own in self.parts.items() if own]
            lines = [f"{self.title}: {'; '.join(parts) or 'nothing'}"]
        return "\n  ".join([*lines, *self.remarks])


def removable(runs: Sequence[Run], name: str) -> Deletion:
    """A whole run folder.

    Parameters
    ----------
    runs : those that are known
    name : of one of them, its last part where only one is called so, or a path

    Raises
    ------
    InputError
        If that is no run folder, a link to one, or holds objects of other runs; or if a process works there.
    """
    run = _named(runs, name)
    if run.path.is_symlink():
        raise InputError(f"{run.path} is a link to a run folder; remove what it leads to by its own name")
    own = _real(run.path)
    others = [r.name for r in runs if r.path != run.path and _real(r.store).is_relative_to(own)]
    if others:
        raise InputError(f"the objects of {', '.join(others)} lie in {run.path}: remove these runs first")
    if run.is_sharing and _real(run.store).is_relative_to(own):
        raise InputError(
            f"the shared store {run.store} lies in {run.path}; expected one outside: move it first"
        )
    _refuse_busy(run.path)
    remarks = []
    foreign = sorted(e.name for e in os.scandir(run.path) if e.name not in _OURS and PARTIAL not in e.name)
    if foreign:
        remarks.append(f"with what qspin did not write: {', '.join(foreign)}")
    if run.is_sharing:
        remarks.append(_left_for_others(run.store))
    return Deletion(str(run.path), run.path, is_whole=True, remarks=tuple(remarks))


def prunable(runs: Sequence[Run]) -> list[Deletion]:
    """What no config of these runs needs any more, for each of their stores and folders.

    Objects in a run folder are judged by its plan. They are left alone where there is none, or one by which
    finished results are missing: then it is another version's. Of a store that runs share only those damaged
    files go that were set aside of tasks of these runs.

    Raises
    ------
    InputError
        If a process works in one of them.
    """
    by_store: dict[Path, list[Run]] = {}
    for run in runs:
        by_store.setdefault(_real(run.store), []).append(run)
    found = []
    for store, own in by_store.items():
        is_shared = any(run.is_sharing for run in own)
        if is_shared and store.is_dir():
            found.append(_prunable_of_shared(store, own))
        for run in own:
            _refuse_busy(run.path)
            leftovers = Deletion(str(run.path), run.path, {_LEFTOVERS: _leftovers(run.path)})
            found.append(leftovers if is_shared else _prunable(run))
    return found


def delete(deletion: Deletion) -> None:
    """Delete what was planned, while nobody can begin to work there.

    Raises
    ------
    InputError
        If a process works there by now.
    StorageError
        If something cannot be deleted.
    """
    with contextlib.ExitStack() as alone:
        for folder in _presences(deletion.place):
            alone.enter_context(Presence(folder).undisturbed())
        _refuse_busy(deletion.place)
        try:
            if deletion.is_whole:
                gone = deletion.place.with_name(f".{deletion.place.name[:40]}-{secrets.token_hex(4)}.removed")
                os.replace(deletion.place, gone)
                shutil.rmtree(gone)
            for files in deletion.parts.values():
                for file in files:
                    file.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"could not delete {error.filename}: {error.strerror}") from error


# -- who works there -----------------------------------------------------------------------------


def _presences(place: Path) -> list[Path]:
    """Folders in which processes say that they work here, as a run or as a store."""
    return [folder for folder in (place / PROCESSES, Store(place).claims) if folder.is_dir()]


def _refuse_busy(place: Path) -> None:
    for folder in _presences(place):
        if others := Presence(folder).present():
            raise InputError(f"{'; '.join(others)} works in {place}: wait for it or stop it first")


# -- what a store holds --------------------------------------------------------------------------

_LEFTOVERS = "leftovers of processes that were killed"


def _prunable(run: Run) -> Deletion:
    """What can go from a run folder that holds its objects itself."""
    place, store = run.path, Store(run.path)
    files = [file for own in OBJECT_FOLDERS for file in _files(place / own)]
    files = [file for file in files if not file.name.startswith(".")]
    objects = [file for file in files if file.suffix != ".checkpoint"]
    there = {file.stem for file in objects}
    checkpoints = [file for file in files if file.suffix == ".checkpoint"]
    parts = {
        "checkpoints of tasks that are done": [file for file in checkpoints if file.stem in there],
        "damaged files that were set aside": _files(place / "damaged"),
        _LEFTOVERS: _leftovers(place),
    }
    needed, remark = _needed(run, there)
    if needed is None:
        return Deletion(str(place), place, parts, remarks=(remark,))
    parts["objects that are in no plan"] = [file for file in objects if file.stem not in needed]
    parts["checkpoints that are in no plan"] = [
        file for file in checkpoints if file.stem not in needed and file.stem not in there
    ]
    parts["failures that are in no plan"] = [
        file for file in _files(store.failures_folder) if file.stem not in needed
    ]
    return Deletion(str(place), place, parts)


def _prunable_of_shared(place: Path, runs: Sequence[Run]) -> Deletion:
    """What can go from a store that runs share, of which others may lie anywhere."""
    own = {key for run in runs for key in planned_keys(run.folder)}
    damaged = _files(place / "damaged") if is_store(place) else []
    files = [file for file in damaged if file.stem.partition("-")[0] in own]
    if files:
        _refuse_busy(place)
    title = f"the store {place} (runs that were looked at: {', '.join(run.name for run in runs)})"
    parts = {"damaged files that were set aside": files}
    return Deletion(title, place, parts, remarks=(_left_for_others(place),))


def _left_for_others(store: Path) -> str:
    if not is_store(store):
        return f"{store}, which its config names as store, is none: nothing is deleted there"
    return (
        f"the store {store} is shared and left alone, since runs elsewhere may need its objects; once none "
        f"does, delete it by hand: rm -r {shlex.quote(str(store))}"
    )


def _needed(run: Run, there: set[str]) -> tuple[set[str] | None, str]:
    """Keys of all tasks of a run; None, with the reason, where that cannot be told."""
    try:
        needed = set(run.folder.plan.tasks)
    except QspinError as error:
        return None, f"its objects are left alone: {run.name} makes no plan ({error})"
    if (run.has_whole_report and not needed <= there) or (there and not needed & there):
        return None, (
            f"its objects are left alone: by the plan of this version of qspin, results of {run.name} "
            "are missing, so that another version may have made them"
        )
    return needed, ""


def _leftovers(place: Path) -> list[Path]:
    within = [_files(place / own) for own in (*OBJECT_FOLDERS, "failures", "results", "figures")]
    files = itertools.chain(place.iterdir(), *within)
    return [file for file in files if file.name.startswith(".") and PARTIAL in file.name and file.is_file()]


def _files(folder: Path) -> list[Path]:
    """Files of a folder; none of one that a link leads to, which may be anybody's."""
    is_own = folder.is_dir() and not folder.is_symlink()
    return [file for file in folder.iterdir() if file.is_file()] if is_own else []


# -- helpers -------------------------------------------------------------------------------------


def _named(runs: Sequence[Run], name: str) -> Run:
    """A run by its name or path.

    Raises
    ------
    InputError
        If there is none, or more than one.
    """
    own = [run for run in runs if name == run.name or os.path.abspath(name) == os.path.abspath(run.path)]
    found = own or [run for run in runs if name == run.path.name]
    if len(found) > 1:
        paths = ", ".join(os.path.abspath(run.path) for run in found)
        raise InputError(f"{name!r} is {len(found)} runs: {paths}; expected one of these paths")
    if found:
        return found[0]
    known = nearest_name(name, [run.name for run in runs])
    raise InputError(f"{name!r} is none of the run folders that were found: {known}")


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _size(files: Iterable[Path]) -> tuple[int, int]:
    sizes = [file.lstat().st_size for file in files if file.exists()]
    return len(sizes), sum(sizes)


def _told(n_files: int, n_bytes: int) -> str:
    return f"{n_files} {'file' if n_files == 1 else 'files'} ({told_size(n_bytes)})"
