"""Monte Carlo at the speed of the machine: parallel tempering, simulated annealing and population
annealing.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numba
import numpy as np
from numpy.typing import NDArray
from pydantic import NonNegativeInt, PositiveFloat, model_validator

from qspin.problem import IsingProblem
from qspin.sampler import (
    AutoLadder,
    Incidental,
    Initial,
    PositiveInt,
    Remark,
    Seed,
    Workload,
    checked_arguments,
    current_checkpoint,
    deciding_settings,
    given_settings,
    initial_digest,
    pilots,
    resolved_seed,
    run_info,
    setting_names,
    settings,
)
from qspin.samples import SampleSet
from qspin_backends.tempering.asked import Asked, Draws
from qspin_backends.tempering.clusters.choice import Choice, chosen
from qspin_backends.tempering.coupling_graph import Graph
from qspin_backends.tempering.decision import Move
from qspin_backends.tempering.keeping import Keeping
from qspin_backends.tempering.ladder import MOST_BETAS, combined
from qspin_backends.tempering.memory import Size, require_room
from qspin_backends.tempering.methods import METHODS
from qspin_backends.tempering.misfits import refuse_misfits
from qspin_backends.tempering.packs import Seeds
from qspin_backends.tempering.planning import KernelName, choose_kernel
from qspin_backends.tempering.search.sizes import DEFAULT_DRAWS, WALKERS
from qspin_backends.tempering.starts import checked_initial
from qspin_backends.tempering.tempering import Rules
from qspin_backends.tempering.workload import expected_betas, expected_workload

__all__ = ["Tempering"]

_SWEEPS_A_DRAW = 10  # configurations nearer to each other are much alike, and recording costs about a sweep
_COUNTED = 1e-9  # betas that are only counted
_CHAIN = 4  # draws of which equilibrium can be told
_STEP: Mapping[str, Any] = {
    "betas": (0.4, 0.7, 1.0),
    "n_replicas": 100,
    "n_burn_in": 0,
    "n_sweeps": 10,
    "n_draws": 1,
    "cluster": "none",
}  # of a training; measured on digits


@settings
class Tempering:
    """Sample exp(-beta E) at every inverse temperature of a ladder, with `n_replicas` independent copies.

    Replicas never exchange configurations, whatever the method, so that overlaps between them are overlaps of
    independent copies: a replica is a ladder of its own (``tempering``), a walker (``annealing``) or a
    population (``population``), with random numbers of its own.

    Parameters
    ----------
    method : ``tempering``: replica exchange; ``annealing``: each replica is cooled once through `betas` and
        recorded at each of them, which is no proof of equilibrium; ``population``: population annealing,
        whose draws are the members of a population and which measures the free energy; ``search``: no
        sampler, but a search for the ground state alone, see `search.blocks`, at no temperature: beta is NaN
    betas : ascending inverse temperatures, units of 1/energy; ``auto`` derives the hot end from local
        fields, the cold end from the gaps of spins and of clusters in which walkers of a pilot differ, and
        the spacing from its swap rates; for annealing it is a geometric schedule from local fields alone
    n_replicas : independent copies; overlaps need at least two
    n_burn_in : sweeps before recording (tempering); one sweep visits every spin once at every beta
    n_sweeps : sweeps of the recorded phase; shared evenly among the betas where copies are cooled
    n_draws : configurations kept per replica and beta, evenly spaced over `n_sweeps`, or members of a
        population, or the lowest distinct ones of a search (at most 1000, and no more than every replica
        found); None: one in ten sweeps, or every member, but at least 100 and at most 500, and fewer than 500
        where the recorded spins would take more than 128 MiB; of a search three
    n_population : members of each population
    kernel : ``auto`` takes the fastest one that is exact for the problem: ``multispin`` for couplings of one
        magnitude without fields and up to seven neighbours, ``dense`` for large full matrices, else
        ``sparse``
    move : ``heat_bath`` or ``metropolis``
    swap_scheme : ``non_reversible`` exchanges even and odd pairs in turn, ``reversible`` draws which
    cluster : moves of clusters of spins in two walkers at once. ``bonds``: of walkers at neighbouring betas,
        on any graph, see `clusters.bonds`; ``isoenergetic``: Houdayer's, on sparse graphs, for which each
        replica has a partner ladder that is not recorded; ``none``; ``auto``: bonds, wherever the ladder has
        neighbours. Where clusters span the system the moves are switched off after burn-in
    cluster_every : sweeps between cluster moves, 0 for none; None: as many as make them cheap
    target_energy : energy, with offset, at which a replica stops (not population), however many sweeps are
        left; of its betas it keeps the configurations of that moment, one each. A search looks at the end of
        its rounds. None: nobody stops
    store : ``spins``, or ``statistics``: overlaps, link overlaps, spin and pair averages are taken during the
        run from `n_draws` configurations, and of the spins only the last ones are kept (tempering); or
        ``coldest``: the spins at the last beta alone (annealing)
    n_threads : packs of replicas advanced at once; None takes as many as Numba would. Samples do not depend
        on it
    max_memory : GiB that a run may take; None is half of the machine's memory
    """

    name: ClassVar[str] = "tempering"
    samples_version: ClassVar[int] = 3
    is_paid: ClassVar[bool] = False

    method: Literal["tempering", "annealing", "population", "search"] = "tempering"
    betas: AutoLadder = "auto"
    n_replicas: PositiveInt = 8
    n_burn_in: NonNegativeInt = 1_000
    n_sweeps: PositiveInt = 10_000
    n_draws: PositiveInt | None = None
    n_population: PositiveInt = 500
    kernel: KernelName = "auto"
    move: Literal["heat_bath", "metropolis"] = "heat_bath"
    swap_scheme: Literal["non_reversible", "reversible"] = "non_reversible"
    cluster: Literal["auto", "none", "isoenergetic", "bonds"] = "auto"
    cluster_every: NonNegativeInt | None = None
    target_energy: float | None = None
    store: Literal["spins", "statistics", "coldest"] = "spins"
    n_threads: Incidental[PositiveInt | None] = None
    max_memory: Incidental[PositiveFloat | None] = None

    @model_validator(mode="after")
    def _fit_together(self) -> Tempering:
        refuse_misfits(self)
        return self

    @property
    def offers(self) -> frozenset[str]:
        """What the samples have, see `qspin.sampler.OFFERS`."""
        is_alone = self.store == "coldest" or (self.betas != "auto" and len(self.betas) == 1)
        has = {
            "ladder": not is_alone,
            "replicas": self.n_replicas > 1,
            "draws": self.store != "statistics" and self._asked().draws.fewest >= _CHAIN,
            "spins": self.store != "statistics",
        }
        if METHODS[self.method].ladder is None or self.target_energy is not None:  # chosen by their energy
            return frozenset({name for name in ("replicas", "spins") if has[name]})
        return frozenset({"thermostat"} | {name for name, is_there in has.items() if is_there})

    @property
    def takes_initial(self) -> bool:
        """Whether `sample` takes configurations to start from: populations start at infinite temperature."""
        return self.method != "population"

    @property
    def finds_settings(self) -> bool:
        """Whether each problem gets a ladder of its own, unless `shared` gives one for all."""
        return self.betas == "auto" and METHODS[self.method].ladder is not None

    def shared(self, problems: Sequence[IsingProblem], *, seed: int) -> dict[str, Any]:
        """One ladder for several problems, in the place of the one that ``betas: auto`` finds for each.

        It covers the ladders of all of them and is nowhere coarser than any, so that swaps of every problem
        are accepted about as often as on a ladder of its own; see `ladder.combined`. Of more than eight
        problems eight are looked at: the first, the last, and others at equal distances between, as
        `qspin.sampler.pilots` takes them.

        Returns
        -------
        ``betas``, units of 1/energy; nothing where they are given
        """
        some, ladder, asked = pilots(problems), METHODS[self.method].ladder, self._asked()
        if self.betas != "auto" or not problems or ladder is None:
            return {}
        graphs = [Graph.of(problem) for problem in some]
        seeds = np.random.SeedSequence(seed).spawn(len(some))
        ladders = [
            ladder(problem, graph, asked, self._rules(self._clusters(graph)), Seeds.of(own)).betas
            for problem, graph, own in zip(some, graphs, seeds, strict=True)
        ]
        most = self.n_sweeps if self.method == "annealing" else None
        return {"betas": combined(ladders, most).tolist()}

    def stepping(self) -> Tempering:
        """For the steps of a training, see `qspin.sampler`: where the ladder is left to be found, a short one
        up to 1 and short calls of many replicas, but for what was given. A ladder that is given stays, and
        all else with it.
        """
        if self.betas != "auto" or self.method != "tempering":
            return self
        given = given_settings(self)
        return dataclasses.replace(self, **{k: value for k, value in _STEP.items() if k not in given})

    def expected_settings(self, problems: Sequence[IsingProblem]) -> dict[str, Any]:
        """Settings of the size of those that `shared` will find; for estimates, at no temperature that
        means anything."""
        n_betas = expected_betas(max((problem.n_spins for problem in problems), default=1), self.method)
        return {"betas": np.linspace(_COUNTED, 2 * _COUNTED, n_betas).tolist()}

    @checked_arguments
    def sample(
        self, problem: IsingProblem, *, seed: Seed = None, initial: Initial | None = None
    ) -> SampleSet:
        """Returns spins (beta, replica, draw, spin) and what the method measures beside them.

        Walkers start from random configurations, or from `initial`: one for all, one a replica, or one a
        replica and beta, see `qspin.starting.initial_spins`; ``info["initial"]`` is then a digest of them.
        How long a run remembers where it started is for the burn-in to decide, as ever. An annealed walker
        starts there at the first of `betas`, and of an array for all of them at what it has for that one: one
        that is hot forgets it. Populations start at infinite temperature and take none.

        ``info`` names the kernel and, for an automatic ladder, its barrier; ``info["energy_drift"]`` is the
        largest error found in an energy that was carried along. Variables of the dataset, energies per
        configuration and with offset:

        tempering : ``swap_rate`` (beta,), accepted share of swaps of a beta with the next, NaN at the
            coldest; ``round_trips`` (replica,), hot-cold-hot trips of all walkers; ``energy_mean`` and
            ``energy_variance`` (beta, replica) over all sweeps of the recorded phase; ``energy_log2`` (beta,
            replica, log2_sweep), mean energies of sweeps 2^k to 2^(k+1) - 1, burn-in included. With
            ``store="statistics"`` also ``overlap_moments``, ``overlap_counts``, ``link_overlap``,
            ``spin_mean`` and ``pair_mean``, which `qspin.analysis` reads.
        with `target_energy` : ``sweeps_to_target`` (replica,), burn-in included, NaN where it was not
            reached; of the above ``swap_rate`` and ``round_trips``. ``info["target"]`` tells how many did
        population : ``log_partition`` (beta, replica), ln Z; ``n_families`` and ``mean_square_family`` (beta,
            replica)
        search : draws are the lowest configurations that each replica found, in ascending order and distinct,
            also from the reverse of another where there are no fields; ``n_hits`` (replica, draw), rounds
            that ended there from random configurations; ``n_rounds`` (replica,)

        An interrupt (Ctrl-C) returns what there is, with status ``interrupted``. Inside `qspin.checkpointing`
        unfinished work is kept and gone on with.

        Raises
        ------
        CapacityError
            If the run would not fit in memory.
        InputError
            If the kernel or the cluster moves asked for do not suit the problem, its couplings differ too
            much in size, configurations to start from do not fit it, or a checkpoint is of another run.
        """
        checkpoint = current_checkpoint()
        kept = None if checkpoint is None else checkpoint.identity()
        seed = resolved_seed(seed, kept)
        start = time.perf_counter()
        graph = self._checked(problem)
        asked = self._asked()._replace(initial=self._initial(problem, initial))
        started = None if asked.initial is None else initial_digest(asked.initial)
        keeping = Keeping()
        if checkpoint is not None:
            keeping = Keeping.at(checkpoint, self._identity(problem, seed, started))
        method, clusters = METHODS[self.method].run, self._clusters(graph)
        before = time.perf_counter() - start
        run = method(problem, graph, asked, self._rules(clusters), Seeds.of(seed), keeping)
        if checkpoint is not None and run.status == "complete":
            checkpoint.discard()
        clocks = {**run.clocks, "prepare": before + run.clocks["prepare"]}
        remarks = list(run.remarks)
        if checkpoint is not None and checkpoint.warning:
            remarks.append(Remark("checkpoint-not-kept", checkpoint.warning))
        info = run_info(
            self,
            seed,
            clocks=clocks,
            remarks=remarks,
            status=run.status,
            headline=f"{run.facts['kernel']} kernel",
            ignored=self._ignored(),
            cluster=clusters.facts(run.facts.pop("cluster_why", None)),
            initial=started,
            **run.facts,
        )
        return SampleSet.from_spins(problem, run.spins, run.betas, info, run.extra, handed_over=True)

    def check(self, problem: IsingProblem) -> None:
        """Refuse a problem that cannot be sampled with these settings; raises as `sample` does."""
        self._checked(problem)

    def workload(self, problem: IsingProblem) -> Workload:
        """What a call will take, see `qspin.sampler.Workload`; raises as `check`."""
        graph = self._checked(problem)
        n_betas = len(self.betas) if self.betas != "auto" else expected_betas(problem.n_spins, self.method)
        size = self._size(problem, n_betas)
        rules = self._rules(self._clusters(graph))
        return expected_workload(problem, graph, self._asked(), rules, self.method, size)

    def _size(self, problem: IsingProblem, n_betas: int) -> Size:
        """Of samples at so many betas."""
        asked = self._asked()
        a_replica = {"annealing": 1, "population": self.n_population, "search": WALKERS}.get(
            self.method, n_betas
        )
        return Size(
            n_betas,
            self.n_replicas,
            asked.n_draws(n_betas, problem.n_spins),
            self.n_replicas * (2 if self.cluster == "isoenergetic" else 1) * a_replica,
            asked.is_averaged,
            self.kernel,
            self.method == "tempering" and self.cluster != "none" and self.cluster_every != 0 and n_betas > 1,
        )

    def _checked(self, problem: IsingProblem) -> Graph:
        """The problem as kernels see it, if it can be sampled; an automatic ladder counts at its longest."""
        most = 1 if METHODS[self.method].ladder is None else MOST_BETAS
        size = self._size(problem, most if self.betas == "auto" else len(self.betas))
        require_room(problem, size, None if self.max_memory is None else int(self.max_memory * 2**30))
        graph = Graph.of(problem)
        choose_kernel(graph, self.kernel, 0.0 if self.betas == "auto" else self.betas[-1])
        self._clusters(graph)
        return graph

    def _initial(self, problem: IsingProblem, given: Initial | None) -> NDArray[np.int8] | None:
        """Configurations to start from."""
        at_once = {"tempering": None if self.betas == "auto" else len(self.betas)}.get(self.method, 1)
        betas = None if self.betas == "auto" or self.method != "tempering" else self.betas
        if self.method == "annealing" and self.betas != "auto" and isinstance(given, np.ndarray):
            given = given[:1] if given.ndim == 3 and len(given) == len(self.betas) else given
        return checked_initial(problem, given, self.method, self.n_replicas, at_once, betas)

    def _asked(self) -> Asked:
        """For the methods."""
        available, every = {
            "tempering": (self.n_sweeps, _SWEEPS_A_DRAW),
            "annealing": (1, 1),
            "population": (self.n_population, 1),
            "search": (DEFAULT_DRAWS, 1),
        }[self.method]
        return Asked(
            None if self.betas == "auto" else np.array(self.betas),
            self.n_replicas,
            self.n_burn_in,
            self.n_sweeps,
            self.n_population,
            Draws(
                self.n_draws if self.target_energy is None else 1,
                available,
                every,
                keeps_spins=self.store != "statistics",
            ),
            is_averaged=self.store == "statistics",
            only_coldest=self.store == "coldest",
            target=self.target_energy,
        )

    def _clusters(self, graph: Graph) -> Choice:
        """The cluster move; raises as `sample` does."""
        if self.method != "tempering":
            return Choice("none", 0, 1, f"method {self.method!r} makes none")
        n_betas, coldest = (None, 0.0) if self.betas == "auto" else (len(self.betas), self.betas[-1])
        kernel = choose_kernel(graph, self.kernel, coldest)
        return chosen(self.cluster, self.cluster_every, graph, kernel, n_betas)

    def _rules(self, clusters: Choice) -> Rules:
        """How walkers move, for the kernels."""
        return Rules(
            self.kernel,
            Move(self.move),
            self.swap_scheme == "reversible",
            clusters.move,
            clusters.every,
            clusters.pace,
            self.n_threads or numba.get_num_threads(),
        )

    def _identity(self, problem: IsingProblem, seed: int, initial: str | None) -> dict[str, Any]:
        """What a checkpoint belongs to: everything that samples depend on."""
        info = run_info(self, seed)
        versions = {name: info["versions"].get(name) for name in ("qspin", "numpy", "numba")}
        return {
            "backend": info["backend"],
            "problem": problem.digest,
            "seed": seed,
            "initial": initial,
            "settings": deciding_settings(self),
            "versions": versions,
        }

    def _ignored(self) -> list[str]:
        """Settings of other methods."""
        ignored = {
            "tempering": {"n_population"},
            "annealing": {"n_burn_in", "n_draws", "n_population", "swap_scheme", "cluster", "cluster_every"},
            "population": {"cluster", "cluster_every"},
            "search": {"n_burn_in", "n_population", "move", "swap_scheme", "cluster", "cluster_every"},
        }[self.method]
        if self.method == "population" and self.betas != "auto":
            ignored |= {"n_burn_in", "swap_scheme"}  # which otherwise decide on the pilot
        return [name for name in setting_names(type(self)) if name in ignored]
