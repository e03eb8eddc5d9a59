"""Small kinds of everything, for tests of the engine: they count what is asked of them."""

from __future__ import annotations

import collections
import json
import pickle
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, cast

import numpy as np
import xarray as xr

from qspin import IsingProblem, SampleSet
from qspin.engine.in_process import InProcess
from qspin.errors import InputError
from qspin.executor import Graph, Reporter, Work
from qspin.measure import Measure
from qspin.sampler import Incidental, Seed, run_info
from qspin.source import NonNegativeInt, Preparation, Prepared, Source, Tools
from qspin.study import (
    Asked,
    Column,
    Conclusion,
    Finding,
    Plan,
    PositiveInt,
    Results,
    Section,
    Study,
    Table,
    Wanted,
    settings,
)

COUNTS: collections.Counter[str] = collections.Counter()
"""How often something was built, made, sampled or measured."""

FAILING: set[str] = set()
"""What is to fail, by the same names."""


PLAIN: dict[str, Any] = {
    "schema": 2,
    "name": "small",
    "problems": {"glass": {"kind": "sherrington_kirkpatrick", "n_spins": 4}},
    "backends": {
        "good": {"name": "exact", "betas": [0.5, 1.0], "n_replicas": 4},
        "other": {"name": "exact", "betas": [0.5, 1.0], "n_replicas": 5},
    },
    "studies": {"probe": {}},
}
"""A config of two backends that can be told apart, and a study whose report costs little."""


def counted(name: str) -> None:
    COUNTS[name] += 1
    if name in FAILING:
        raise ZeroDivisionError(f"{name} fails")


# -- sources and preparations --------------------------------------------------------------------


@settings
class Ring(Source):
    """Spins in a ring, all couplings alike; instances differ by their fields."""

    n_spins: PositiveInt = 4
    coupling: float = 1.0
    seed: NonNegativeInt = 0
    remark: Incidental[str] = ""

    def outline(self) -> IsingProblem:
        return self._built()

    def build(self, prepared: Mapping[str, Prepared]) -> IsingProblem:
        counted("build")
        return self._built()

    def _built(self) -> IsingProblem:
        i = np.arange(self.n_spins)
        couplings = np.full(self.n_spins, self.coupling)
        fields = np.random.default_rng(self.seed).normal(size=self.n_spins)
        return IsingProblem.from_edges(self.n_spins, i, (i + 1) % self.n_spins, couplings, fields)


@settings
class Rolled(Preparation):
    """A number, from another one where `depth` is above 0."""

    value: float
    depth: NonNegativeInt = 0
    backend: str = ""

    @property
    def title(self) -> str:
        return f"rolling {self.value:g}, depth {self.depth}"

    def needs(self) -> Mapping[str, Preparation]:
        below = Rolled(value=self.value, depth=max(self.depth - 1, 0), backend=self.backend)
        return {"below": below} if self.depth else {}

    @property
    def uses(self) -> tuple[str, ...]:
        return (self.backend,) if self.backend and not self.depth else ()

    def make(self, tools: Tools) -> Prepared:
        counted("make")
        below = float(tools.prepared["below"].arrays["value"]) if self.depth else self.value
        if self.uses:
            samples = tools.samplers[self.backend].sample(IsingProblem([[0.0]]), seed=1)
            below += samples.spins.sizes["replica"]
        curve = xr.Dataset({"loss": ("epoch", [2.0, 1.0])}, coords={"epoch": [0, 1]})
        return Prepared({"value": np.array(below + 1)}, curve)


@settings
class Needy(Source):
    """Two spins whose coupling is prepared."""

    value: float = 1.0
    depth: NonNegativeInt = 0
    backend: str = ""
    sign: int = 1
    instance_key: ClassVar[None] = None

    def needs(self) -> Mapping[str, Preparation]:
        return {"rolled": Rolled(value=self.value, depth=self.depth, backend=self.backend)}

    def outline(self) -> IsingProblem:
        return IsingProblem([[0.0, 1.0], [1.0, 0.0]])

    def build(self, prepared: Mapping[str, Prepared]) -> IsingProblem:
        counted("build")
        coupling = self.sign * float(prepared["rolled"].arrays["value"])
        return IsingProblem([[0.0, coupling], [coupling, 0.0]])


@settings
class Snake(Preparation):
    """Wants the other one of a pair, which wants this one."""

    head: bool = True

    def needs(self) -> Mapping[str, Preparation]:
        return {"tail" if self.head else "head": Snake(head=not self.head)}

    def make(self, tools: Tools) -> Prepared:
        raise AssertionError("a circle was begun")


@settings
class Biting(Source):
    """A source whose preparations go in a circle."""

    def needs(self) -> Mapping[str, Preparation]:
        return {"head": Snake()}

    def outline(self) -> IsingProblem:
        return IsingProblem([[0.0]])


# -- backends ------------------------------------------------------------------------------------


@settings
class Dice:
    """Spins at random, at any temperature."""

    betas: tuple[float, ...] = (0.5, 1.0)
    n_replicas: PositiveInt = 2
    n_draws: PositiveInt = 4
    tilt: float = 0.0
    n_threads: Incidental[PositiveInt | None] = None
    samples_version: ClassVar[int] = 1
    is_paid: ClassVar[bool] = False
    offers: ClassVar[frozenset[str]] = frozenset({"thermostat", "ladder", "replicas", "draws", "spins"})

    def sample(self, problem: IsingProblem, *, seed: Seed = None) -> SampleSet:
        counted("sample")
        shape = (len(self.betas), self.n_replicas, self.n_draws, problem.n_spins)
        spins = np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), size=shape)
        return SampleSet.from_spins(problem, spins, betas=self.betas, info=run_info(self, seed or 0))


# -- measures and studies ------------------------------------------------------------------------


@settings
class MeanEnergy(Measure):
    """Mean energies per spin, times a number."""

    times: float = 1.0

    def measure(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        counted("measure")
        energy = self.times * samples.energies.values.mean(axis=(1, 2)) / problem.n_spins
        return xr.Dataset({"energy": ("beta", energy)}, coords={"beta": samples.betas})


@settings
class Distance(Measure):
    """How far mean energies are from those of a reference."""

    against = True

    def measure(self, samples: SampleSet, problem: IsingProblem, reference: SampleSet) -> xr.Dataset:
        counted("measure")
        means = [own.energies.values.mean() for own in (samples, reference)]
        return xr.Dataset({"distance": ((), means[0] - means[1])})


@settings
class Patterns(Measure):
    """Needs what few problems and no dice have."""

    needs = frozenset({"problem:patterns", "ladder"})

    def measure(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        return xr.Dataset()


@settings
class Probe(Study):
    """Mean energies of all cells, and their distance from a reference."""

    times: float = 1.0
    reference: str | None = None
    needs_patterns: bool = False
    text: str = "all is said"

    def plan(self, asked: Asked) -> Plan:
        wanted = [Wanted("mean_energy", p.label, b.label, {"times": self.times}) for p, b in asked.cells()]
        if self.reference is not None:
            wanted += [
                Wanted("distance", p.label, b.label, reference=self.reference)
                for p, b in asked.cells()
                if b.label != self.reference
            ]
        if self.needs_patterns:
            for problem, backend in asked.cells():
                if unmet := asked.unmet(Patterns(), problem.label, backend.label):
                    raise InputError(
                        f"backend {backend.label!r} on {problem.label!r} lacks {'; '.join(unmet)}"
                    )
        return Plan(wanted)

    def conclude(self, results: Results) -> Conclusion:
        counted("conclude")
        rows: list[dict[str, Any]] = [
            {"problem": cell.problem, "backend": cell.backend, "n": len(cell.points)}
            for cell in results.cells("mean_energy")
        ]
        table = Table("cells", "Cells", [Column("problem"), Column("backend"), Column("n")], rows)
        section = Section("Probe", "probe", "What is there?", [Finding(self.text)], tables=[table])
        means = {
            f"{cell.problem}-{cell.backend}": ((), float(cell.points[0].result["energy"].mean()))
            for cell in results.cells("mean_energy")
            if cell.points
        }
        return Conclusion([section], datasets={"means": xr.Dataset(means)})


# -- executors -----------------------------------------------------------------------------------


@settings
class Elsewhere:
    """Does tasks as another process would: from JSON, by a copy of what does them, while this one keeps the
    books."""

    n_tasks: PositiveInt = 1_000

    def run(self, graph: Graph, work: Work, reporter: Reporter) -> Mapping[str, str]:
        tasks = [replace(task, settings=json.loads(json.dumps(task.settings))) for task in graph]
        COUNTS["executed"] += len(tasks)
        return InProcess().run(Graph.of(tasks), cast(Work, _Copied(work)), reporter)


class _Copied:
    """Work whose tasks are done by a copy."""

    def __init__(self, work: Work):
        self._work = work

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._work, name)
        return pickle.loads(pickle.dumps(found)) if name == "perform" else found


KINDS = {
    "SOURCE": {"ring": "Ring", "needy": "Needy", "biting": "Biting"},
    "BACKEND": {"dice": "Dice"},
    "MEASURE": {"mean_energy": "MeanEnergy", "distance": "Distance", "needs_patterns": "Patterns"},
    "STUDY": {"probe": "Probe"},
    "EXECUTOR": {"elsewhere": "Elsewhere"},
}
"""Kind -> name -> class."""
