"""Small problems, simulated chips, and searches of copies without a process for each of them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from qspin_backends.annealer.device import Hardware, Program, Request
from qspin_backends.annealer.embeddings import choice
from qspin_backends.annealer.simulated import Imperfections, Simulated
from scipy import stats

import qspin

ADVANTAGE2 = Path(__file__).parents[3].parent / "shared" / "data" / "advantage2_system1.5.json"
CUBE = [(i, i ^ (1 << b)) for i in range(8) for b in range(3) if i < i ^ (1 << b)]
SK8 = qspin.instances.sherrington_kirkpatrick(8, seed=1)
RING8 = qspin.IsingProblem.from_edges(8, range(8), [*range(1, 8), 0], [-1.0] * 8)
CUBE8 = qspin.IsingProblem.from_edges(8, *zip(*CUBE, strict=True), [-1.0] * 12)


def chip(topology: str = "zephyr", shape: tuple[int, ...] = (3, 4), working: float = 1.0) -> Hardware:
    hardware = Simulated(topology, shape, working, 0, "thermal", 10, 1.0, Imperfections()).hardware
    assert hardware is not None
    return hardware


def annealer(**settings: Any) -> Any:
    """On a Zephyr 3, thermal and fast."""
    thermal = {"size": 3, "physics": "thermal", "n_sweeps": 60, "n_reads": 40}
    return qspin.get_backend("annealer", **{**thermal, **settings})


def programs_annealed(monkeypatch: Any) -> list[Program]:
    """Those that simulated devices anneal from now on."""
    seen: list[Program] = []
    original = Simulated.anneal

    def spy(self: Simulated, request: Request) -> Any:
        seen.extend(request.programs)
        return original(self, request)

    monkeypatch.setattr(Simulated, "anneal", spy)
    return seen


def chi_squared(counts: Any, expected: Any) -> float:
    """P value; cells of fewer than five expected counts are put together."""
    rare = expected < 5
    counts = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    keep = expected > 0
    return stats.chisquare(counts[keep], expected[keep] * counts[keep].sum() / expected[keep].sum()).pvalue


def search_here(monkeypatch: Any) -> None:
    """In this process: another one takes seconds to import what it needs."""

    def here(function: str, *arguments: Any, tell: Any = None, **options: Any) -> Any:
        module, _, name = function.partition(":")
        return getattr(import_module(module), name)(*arguments, **options)

    monkeypatch.setattr(choice, "in_child", here)
