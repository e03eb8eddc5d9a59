"""Settings of `Tempering` that do not go together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qspin_backends.tempering.methods import METHODS
from qspin_backends.tempering.search.sizes import MOST_DRAWS

if TYPE_CHECKING:
    from qspin_backends.tempering.sampler import Tempering

__all__ = ["refuse_misfits"]


def refuse_misfits(given: Tempering) -> None:
    """Raises ValueError for settings that do not go together."""
    _refuse_draws(given)
    _refuse_clusters(given)
    _refuse_target(given)
    _refuse_temperatures(given)
    needed = {"statistics": "tempering", "coldest": "annealing"}.get(given.store, given.method)
    if given.method != needed:
        raise ValueError(
            f"store {given.store!r} belongs to method {needed!r}; leave it out for {given.method!r}"
        )
    if given.move == "metropolis" and given.betas != "auto" and given.betas[0] == 0:
        raise ValueError(
            "at beta = 0 Metropolis flips every spin at every sweep and is not ergodic: use move "
            "'heat_bath' or start the ladder above 0"
        )


def _refuse_draws(given: Tempering) -> None:
    """More draws than there can be."""
    most, why = {
        "tempering": (given.n_sweeps, f"n_sweeps ({given.n_sweeps}): a sweep gives one draw"),
        "annealing": (1, "1: an annealed walker arrives once at each beta. Raise n_replicas"),
        "population": (given.n_population, f"n_population ({given.n_population}): a member is one draw"),
        "search": (MOST_DRAWS, f"{MOST_DRAWS}: a search compares all that it finds with what it keeps"),
    }[given.method]
    if given.n_draws is not None and given.n_draws > most:
        raise ValueError(f"n_draws ({given.n_draws}) must not exceed {why}")


def _refuse_clusters(given: Tempering) -> None:
    """Cluster moves that cannot be made, or that are asked for and not at once."""
    moves, every = given.cluster in ("isoenergetic", "bonds"), given.cluster_every
    if given.method != "tempering" and (moves or every):
        name = "cluster" if moves else "cluster_every"
        raise ValueError(f"{name} belongs to method 'tempering'; leave it out for {given.method!r}")
    if (moves and every == 0) or (given.cluster == "none" and every):
        raise ValueError(
            f"cluster {given.cluster!r} and cluster_every {every} contradict each other; leave one of them "
            "out"
        )
    if given.cluster == "bonds" and given.betas != "auto" and len(given.betas) == 1:
        raise ValueError(
            "cluster 'bonds' takes walkers at neighbouring betas, and there is one beta: give more betas, or "
            "leave cluster out"
        )


def _refuse_target(given: Tempering) -> None:
    """An energy to stop at where nobody stops, or where more is to be kept than one moment."""
    if given.target_energy is None:
        return
    if given.method == "population":
        raise ValueError(
            "target_energy belongs to methods 'tempering', 'annealing' and 'search'; leave it out for "
            "'population'"
        )
    if given.store == "statistics":
        raise ValueError("with target_energy replicas keep one draw, of which there are no statistics")
    if given.n_draws not in (None, 1):
        raise ValueError(f"with target_energy replicas keep one draw; n_draws is {given.n_draws}")


def _refuse_temperatures(given: Tempering) -> None:
    """Settings of what moves at temperatures, for a method that has none."""
    if METHODS[given.method].ladder is None:
        for name in ("betas", "kernel"):
            if getattr(given, name) != "auto":
                raise ValueError(f"{name} belongs to methods that sample; leave it out for {given.method!r}")
