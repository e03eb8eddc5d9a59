"""How long things took, by what computed them, how much there was to compute, and where: kept between runs.

A line of JSON for each in ``timings.jsonl`` of the cache folder, appended in one piece, so that processes do
not disturb one another; a line that is damaged does not count, and of many old ones some are dropped. Nothing
fails where they cannot be kept: estimates then know less.
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import os
import platform
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.cliques import cache_folder
from qspin.errors import StorageError
from qspin.files import atomic_write

__all__ = ["Estimate", "Timing", "Timings", "keep_timing", "machine_name", "timings_file"]

_MOST_BYTES = 2**20  # of the file, about 5,000 lines; then the oldest of each kind are dropped
_MOST_OF_A_KIND = 8
_ALWAYS = 4  # tasks of a kind in one process that are all kept; of more, the 8th, 16th, 32nd, ...
_OVERHEAD = 0.01  # seconds that a task takes at the least, where only one size is known
_NEAR = 0.1  # e-folds of size below which two sizes are as good as equal


@dataclass(frozen=True)
class Timing:
    """One task that was done.

    Parameters
    ----------
    kernel, work : see `qspin.sampler.Workload`
    seconds : by the clock on the wall, of what the next one of its kind takes as well
    n_spins, n_couplings : of its problem, 0 where there is none
    n_threads : that worked on it at once
    is_first : whether it was the first of its kernel in its process, which compiles, loads and imports
    starting : seconds that this took
    is_pilot : whether it was done to learn how long it takes
    machine : where
    """

    kernel: str
    work: float
    seconds: float
    n_spins: int = 0
    n_couplings: int = 0
    n_threads: int = 1
    is_first: bool = False
    starting: float = 0.0
    is_pilot: bool = False
    machine: str = ""

    @property
    def kind(self) -> tuple[str, str, int, bool]:
        """The same for those that tell about the same."""
        return self.kernel, self.machine, round(math.log2(self.work)) if self.work > 0 else -1, self.is_first


@dataclass(frozen=True)
class Estimate:
    """How long a task will take.

    Parameters
    ----------
    alone : seconds that no number of threads shortens
    shared : seconds of one thread that its threads share
    starting : seconds that the first of its kernel in a process takes beside
    n_known : earlier tasks that this is known from
    is_pilot : whether they were done to learn it
    machine : other one where they were done; empty if it was this
    """

    alone: float
    shared: float
    starting: float = 0.0
    n_known: int = 0
    is_pilot: bool = False
    machine: str = ""

    def seconds(self, n_threads: int = 1) -> float:
        """By the clock on the wall, by so many threads."""
        return self.alone + self.shared / max(n_threads, 1)

    def __str__(self) -> str:
        what = "pilot" if self.is_pilot else "earlier task"
        where = f" on {self.machine}" if self.machine else ""
        return f"{self.n_known} {what}{'s' if self.n_known != 1 else ''}{where}"


# -- keeping -------------------------------------------------------------------------------------


def timings_file() -> Path:
    """Where timings are kept."""
    return cache_folder() / "timings.jsonl"


@functools.cache
def machine_name() -> str:
    """Processor and number of its threads: what times depend on."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
        models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
        name = next(models, name)
    return f"{name}, {os.cpu_count()} threads"


_seen: Counter[tuple[str, str, int, bool]] = Counter()


def keep_timing(timing: Timing) -> None:
    """Keep one, of this machine. Of many of a kind in one process only some are kept; and none where the file
    cannot be written."""
    timing = Timing(**{**asdict(timing), "machine": timing.machine or machine_name()})
    _seen[timing.kind] += 1
    count = _seen[timing.kind]
    if count > _ALWAYS and count & (count - 1):
        return
    line = json.dumps(asdict(timing)).encode() + b"\n"
    with contextlib.suppress(OSError):
        file = timings_file()
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            if os.fstat(descriptor).st_size and not _ends_a_line(file):
                line = b"\n" + line
            os.write(descriptor, line)
            is_full = os.fstat(descriptor).st_size > _MOST_BYTES
        finally:
            os.close(descriptor)
        if is_full:
            _shorten(file)


def _ends_a_line(file: Path) -> bool:
    """Not where a process was killed, or a disk full, in the middle of one."""
    with file.open("rb") as content:
        content.seek(-1, os.SEEK_END)
        return content.read(1) == b"\n"


def _shorten(file: Path) -> None:
    """Keep the newest of each kind; what another process appends meanwhile may be lost."""
    from filelock import FileLock, Timeout

    with contextlib.suppress(Timeout, StorageError), FileLock(file.with_suffix(".lock"), timeout=0):
        kept: list[Timing] = []
        count: Counter[Any] = Counter()
        for timing in reversed(_read(file)):
            count[timing.kind] += 1
            if count[timing.kind] <= _MOST_OF_A_KIND:
                kept.append(timing)
        lines = [json.dumps(asdict(timing)) + "\n" for timing in reversed(kept)]
        while sum(map(len, lines)) > _MOST_BYTES // 2:
            del lines[: len(lines) // 2]
        atomic_write(file, "".join(lines), lasting=False)


def _read(file: Path) -> list[Timing]:
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [timing for line in text.splitlines() if (timing := _timing(line)) is not None]


_TYPES: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (int, float), "bool": (bool,)}


def _timing(line: str) -> Timing | None:
    """None for a line that is damaged, or of another version."""
    try:
        given = json.loads(line)
        found = Timing(**given)
    except (ValueError, TypeError):
        return None
    typed = all(isinstance(getattr(found, f.name), _TYPES[str(f.type)]) for f in fields(Timing))
    sound = (
        typed and found.work >= 0 and 0 <= found.seconds + found.starting < math.inf and found.n_threads >= 1
    )
    return found if sound and math.isfinite(found.work) else None


# -- knowing -------------------------------------------------------------------------------------


class Timings:
    """What is known of earlier tasks.

    Parameters
    ----------
    timings : of tasks that were done
    """

    def __init__(self, timings: Iterable[Timing]):
        self._by_kernel: defaultdict[str, list[Timing]] = defaultdict(list)
        for timing in timings:
            self._by_kernel[timing.kernel].append(timing)

    @classmethod
    def kept(cls) -> Timings:
        """Those of the cache folder."""
        return cls(_read(timings_file()))

    def add(self, timing: Timing) -> None:
        """Know one more."""
        self._by_kernel[timing.kernel].append(timing)

    def estimate(
        self, kernel: str, work: float, *, n_spins: int = 0, n_couplings: int = 0
    ) -> Estimate | None:
        """How long a task takes; None where nothing is known of its kernel.

        A constant and a part in proportion to the work are fitted to the tasks of the same kernel, the nearer
        in size the more they count; those of other machines only where there are none of this one.
        """
        known = self._by_kernel.get(kernel, [])
        here = [timing for timing in known if timing.machine in ("", machine_name())]
        known = here or known
        usual = [timing for timing in known if not timing.is_first]
        done = [timing for timing in usual if not timing.is_pilot] or usual or known
        if not done:
            return None
        alone, rate = _fitted(done, [_distance(t, work, n_spins, n_couplings) for t in done])
        starting = [
            t.starting + max(0.0, t.seconds - alone - rate * t.work / t.n_threads) * (usual != [])
            for t in known
            if t.is_first
        ]
        elsewhere = "" if here else known[-1].machine
        is_pilot = all(timing.is_pilot for timing in done)
        return Estimate(
            alone, rate * work, statistics.median(starting or [0.0]), len(done), is_pilot, elsewhere
        )


def _distance(timing: Timing, work: float, n_spins: int, n_couplings: int) -> float:
    """Between two sizes, in e-folds."""
    pairs = ((timing.work, work), (timing.n_spins, n_spins), (timing.n_couplings, n_couplings))
    return sum(abs(math.log((one + 1) / (other + 1))) for one, other in pairs)


def _fitted(done: list[Timing], distances: list[float]) -> tuple[float, float]:
    """Seconds that a task takes at the least, and seconds a unit of work, neither below 0.

    Relative errors count, weighed by nearness; where the tasks are of one size, the constant is small.
    """
    nearest = min(distances)
    weights = np.array([1 / (_NEAR + d - nearest) for d in distances])
    seconds = np.array([max(t.seconds, 1e-6) for t in done])
    works = np.array([t.work / t.n_threads for t in done])
    largest = float(works.max())
    if largest <= (1 + _NEAR) * works.min():
        usual = _weighted_median(seconds, weights)
        alone = min(_OVERHEAD, usual / 2)
        return alone, (usual - alone) / largest if largest else 0.0
    from scipy.optimize import nnls

    matrix = np.column_stack([np.ones_like(works), works / largest]) * (weights / seconds)[:, None]
    (alone, rate), _ = nnls(matrix, weights)
    return float(alone), float(rate) / largest


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values)
    passed = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(passed, passed[-1] / 2)])
