"""Draws of a machine: new data, and the rest of data of which a part is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qspin.analysis.of_model import draws_at
from qspin.errors import InputError, nearest_name, shown
from qspin.labels import places_of
from qspin.networks.boltzmann.enumeration import enumerated
from qspin.networks.boltzmann.fitting.sampled import required_row
from qspin.networks.boltzmann.machines import BoltzmannMachine, Machine, generator_of, require_usable
from qspin.sampler import Sampler
from qspin.sampling import sampled
from qspin.validate import checked_count

__all__ = ["reconstruct", "sample"]

_NAMED = ("exact", "gibbs")
_SWEEPS = 1_000  # of a chain
_BY_CHAINS = "Take sampler='gibbs', or a backend such as tempering"


def sample(
    machine: Machine, n: int, sampler: str | Sampler = "gibbs", *, seed: int, n_sweeps: int | None = None
) -> Tensor:
    """Values of visible units (n, n_visible) by the model, exp(-E) at beta = 1.

    Parameters
    ----------
    machine : of `qspin.networks`
    n : rows
    sampler : ``exact``: independent draws, by a sum over the smaller side; ``gibbs``: the ends of as many
        chains, independent of each other; or a backend with a thermostat that has beta = 1, of whose samples
        there, all replicas, n are taken evenly, so that those of one replica may depend on each other
    seed : of the draws
    n_sweeps : of a chain of ``gibbs`` alone, from units at random; default 1000

    Raises
    ------
    InputError
        For a machine whose parameters are no finite numbers, an unknown sampler, one without beta = 1 or that
        gives fewer than n samples, or sweeps for one that takes none.
    CapacityError
        If an exact sum would take too many configurations, or n rows would not fit in memory.

    Examples
    --------
    >>> from qspin.networks import RestrictedBoltzmannMachine
    >>> tuple(sample(RestrictedBoltzmannMachine(4, 2), 10, "exact", seed=0).shape)
    (10, 4)
    """
    require_usable(machine)
    n, seed = checked_count(n, "n", least=1), checked_count(seed, "seed")
    if n_sweeps is not None and sampler != "gibbs":
        raise InputError("n_sweeps is of sampler='gibbs'; leave it out, or give it to the backend itself")
    n_sweeps = checked_count(_SWEEPS if n_sweeps is None else n_sweeps, "n_sweeps", least=1)
    if not isinstance(sampler, str):
        return _by_backend(machine, n, sampler, seed)
    generator = generator_of(seed, machine.like.device)
    if sampler == "exact":
        return enumerated(machine, otherwise=_BY_CHAINS).draws(machine, n, generator)[:, : machine.n_visible]
    if sampler != "gibbs":
        raise InputError(
            f"sampler {sampler!r}: {nearest_name(sampler, _NAMED)}; or pass qspin.get_backend(...)"
        )
    free = torch.zeros(len(machine.labels), dtype=machine.like.dtype, device=machine.like.device)
    x = machine.drawn_from(free, n, generator)
    for _ in range(n_sweeps):
        x = machine.swept(x, generator)
    return x[:, : machine.n_visible]


def reconstruct(
    machine: Machine,
    clamp: Mapping[Any, Any],
    n: int = 1,
    sampler: str | Sampler = "gibbs",
    *,
    seed: int,
    n_sweeps: int | None = None,
) -> Tensor:
    """Values of visible units (n, n_visible) by the model, given some units.

    Parameters
    ----------
    clamp : label of a unit -> its value; visible units of them are in every row as given
    n, sampler, seed, n_sweeps : as of `sample`, of the machine of the other units

    Raises
    ------
    InputError
        If a label is none of a unit, a value none of the units', or no visible unit is left; or as `sample`.
    CapacityError
        As `sample`.

    Examples
    --------
    >>> from qspin.networks import RestrictedBoltzmannMachine
    >>> machine = RestrictedBoltzmannMachine(4, 2)
    >>> reconstruct(machine, {"v0": 1, "v2": -1}, 5, "exact", seed=0)[:, [0, 2]].unique(dim=0).tolist()
    [[1.0, -1.0]]
    """
    require_usable(machine)
    rest = machine.conditional(clamp)
    places = places_of(clamp, machine.problem(), what="reconstruct")
    held = dict(zip(places, clamp.values(), strict=True))
    free = [k for k in range(machine.n_visible) if k not in held]
    if not free:
        raise InputError("all visible units are held, so nothing is left to reconstruct; leave some out")
    alone = BoltzmannMachine.from_problem(rest, [machine.labels[k] for k in free])
    drawn = sample(alone, n, sampler, seed=seed, n_sweeps=n_sweeps)
    whole = torch.empty(len(drawn), machine.n_visible, dtype=machine.like.dtype, device=machine.like.device)
    whole[:, free] = machine.from_spins(drawn.numpy().astype(np.int8))
    for k, value in held.items():
        if k < machine.n_visible:
            whole[:, k] = float(value)
    return whole


def _by_backend(machine: Machine, n: int, sampler: Any, seed: int) -> Tensor:
    if not callable(getattr(sampler, "sample", None)):
        raise InputError(
            f"sampler is one of {', '.join(_NAMED)}, or a backend (qspin.get_backend); got {shown(sampler)}"
        )
    samples = sampled(sampler, machine.problem(), seed=seed, backend="sample")
    if not np.isfinite(samples.betas).all():
        raise InputError(
            f"{samples.info['backend']} sets no temperature, so its samples are not of the model; take "
            "exact, gibbs or a backend with betas, such as tempering"
        )
    rows = draws_at(samples, required_row(samples.betas), n)
    if len(rows) < n:
        raise InputError(
            f"the sampler gives {len(rows)} samples at beta = 1, fewer than {n}; ask it for more"
        )
    return machine.from_spins(rows[:, : machine.n_visible])
