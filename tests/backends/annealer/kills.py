"""Kills of a process that buys: at every write of its journal, every stage of the server, and at any time.

The stand-in is slow: a request is accepted late, whether or not its sender still lives, and listed later.
What a killed process began another one finishes; it must buy nothing twice and lose nothing. As a script::

    python tests/backends/annealer/kills.py 200 [N_COPIES [N_SHIM]]
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from qspin_backends.annealer.control import ControlErrors
from qspin_backends.common import journal, purchase

sys.path.insert(1, str(Path(__file__).resolve().parents[2]))

from forks import forking
from sapi import Fault, Sapi, environment, qpu, serving

import qspin

PROGRAMMINGS = 2
WRITES = 6  # a programming: the program, planned, sent, its id, the answer, answered
UNLISTED = 4.0  # seconds, in place of a minute; more than the stand-in needs
LONGEST_ACCEPTING, LONGEST_LISTING = 0.5, 2.0

STAGES = [
    ("submit", "kill", False),
    ("submit", "orphan", False),
    ("submit", "kill", True),
    ("poll", "kill", False),
    ("answer", "kill", False),
]


@dataclass(frozen=True)
class Wares:
    """What is bought: one scale, in as many programmings, and rounds of shims before them.

    Of several copies, each has as many gauges.
    """

    n_copies: int = 1
    n_shim: int = 0

    @property
    def programmings(self) -> int:
        return PROGRAMMINGS + self.n_shim

    @property
    def points(self) -> list[tuple[int, str]]:
        """Of the journal, where a process may die."""
        return [(k, when) for k in range(WRITES * self.programmings) for when in ("before", "after")]

    def sampler(self) -> Any:
        shims = {"n_shim": self.n_shim, "shim_reads": 10} if self.n_shim else {}
        n_gauges = PROGRAMMINGS * self.n_copies
        return qpu(betas=[1.0], n_reads=10, n_gauges=n_gauges, n_copies=self.n_copies, **shims)

    def cloud(self, **slow: float) -> Sapi:
        """A stand-in whose chip has something to shim."""
        return Sapi(chip=ControlErrors(0.1, 0.0, noise_seed=1), **slow) if self.n_shim else Sapi(**slow)


@dataclass(frozen=True)
class Kill:
    """When a process dies: at a write of its journal, at a stage of the server, or after so many seconds.

    Parameters
    ----------
    write : which one, and whether before or after it
    stage, kind, after, skip : of the `Fault` that kills
    accepting, listing : how slow the server is, see `Sapi`
    """

    write: tuple[int, str] | None = None
    stage: str | None = None
    kind: str = "kill"
    after: bool = False
    skip: int = 0
    delay: float | None = None
    accepting: float = LONGEST_ACCEPTING
    listing: float = LONGEST_LISTING

    @classmethod
    def drawn(cls, number: int, wares: Wares = Wares()) -> Kill:
        """Half of them at the writes in turn, a quarter each at stages and at random times."""
        rng = random.Random(number)
        slow = {
            "accepting": rng.uniform(0, LONGEST_ACCEPTING),
            "listing": rng.uniform(0, LONGEST_LISTING),
        }
        if number % 2 == 0:
            return cls(write=wares.points[number // 2 % len(wares.points)], **slow)
        if number % 4 == 1:
            stage, kind, after = STAGES[number // 4 % len(STAGES)]
            skip = number // 4 // len(STAGES) % wares.programmings
            return cls(stage=stage, kind=kind, after=after, skip=skip, **slow)
        return cls(delay=rng.uniform(0.05, 3.0), **slow)


def buy(variables: dict[str, str], output: str, dies: tuple[int, str] | None, wares: Wares) -> None:
    """What a process does: buy, and die at one write of the journal if it is told to."""
    os.environ.update(variables)
    purchase.UNLISTED_SECONDS = UNLISTED
    if dies is not None:
        journal.atomic_write = dying(*dies)
    samples = wares.sampler().sample(qspin.instances.sherrington_kirkpatrick(8, seed=2), seed=1)
    np.save(output, samples.spins.values)


def buy_all(variables: dict[str, str], output: str) -> None:
    """What the process of a user does."""
    os.environ.update(variables)
    qpu().sample(qspin.instances.sherrington_kirkpatrick(8, seed=2), seed=1).save(output)


def dying(write: int, when: str) -> Any:
    """`atomic_write` that kills its process before or after one of its calls."""
    real, left = journal.atomic_write, [write]

    def atomic_write(*arguments: Any, **options: Any) -> None:
        left[0] -= 1
        if left[0] < 0 and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        real(*arguments, **options)
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return atomic_write


def trial(kill: Kill, folder: Path, processes: Any, wares: Wares = Wares()) -> tuple[bool, int, np.ndarray]:
    """One kill, and a process that goes on: whether it died, how much was bought in all, and the spins."""
    sapi = wares.cloud(accepting=kill.accepting, listing=kill.listing)
    if kill.stage is not None:
        sapi.faults = [Fault(kill.stage, kill.kind, after=kill.after, skip=kill.skip)]
    with serving(sapi):
        variables = environment(sapi, folder)
        output = str(folder / "spins.npy")
        first = processes.Process(target=buy, args=(variables, output, kill.write, wares))
        first.start()
        sapi.kill = first.kill
        if kill.delay is not None:
            threading.Timer(kill.delay, first.kill).start()
        first.join(60)
        second = processes.Process(target=buy, args=(variables, output, None, wares))
        second.start()
        second.join(60)
        time.sleep(kill.accepting)  # whatever is still under way
        spins = np.load(output) if second.exitcode == 0 else np.zeros(0)
        return first.exitcode == -signal.SIGKILL, sapi.bought, spins


def undisturbed(folder: Path, processes: Any, wares: Wares = Wares()) -> np.ndarray:
    """What is bought when nothing happens."""
    with serving(wares.cloud()) as sapi:
        output = str(folder / "spins.npy")
        process = processes.Process(target=buy, args=(environment(sapi, folder), output, None, wares))
        process.start()
        process.join(120)
        assert sapi.bought == wares.programmings
        return np.load(output)


def main(n_kills: int, n_copies: int = 1, n_shim: int = 0) -> int:
    """Prints every trial that failed, and the sums. Exit code 1 if there was one."""
    processes, start, wares = forking(), time.monotonic(), Wares(n_copies, n_shim)
    killed = doubles = lost = number = 0
    with tempfile.TemporaryDirectory() as name:
        expected = undisturbed(Path(name), processes, wares)
    while killed < n_kills:
        with tempfile.TemporaryDirectory() as name:
            kill = Kill.drawn(number, wares)
            was_killed, bought, spins = trial(kill, Path(name), processes, wares)
        number += 1
        killed += was_killed
        doubles += bought > wares.programmings
        lost += not np.array_equal(spins, expected)
        if bought != wares.programmings or not np.array_equal(spins, expected):
            print(f"trial {number - 1}, {kill}: {bought} bought, spins {spins.shape}", flush=True)
        if number % 10 == 0:
            print(f"{killed} kills: {doubles} double purchases, {lost} lost so far", flush=True)
    seconds = time.monotonic() - start
    print(f"{killed} kills in {number} trials, {seconds:.0f} s: {doubles} double purchases, {lost} lost")
    return int(doubles + lost > 0)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:4] or ["20"])))
