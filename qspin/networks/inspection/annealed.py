"""The config that anneals a machine at the factor that a device was programmed with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from qspin.errors import InputError
from qspin.networks.files.model import facts_of
from qspin.networks.inspection.asked import as_label, ladder_of, require_couplings, sweeps_within
from qspin.registry import get_source
from qspin.settings import settings_of
from qspin.validate import checked_real

__all__ = ["annealed_config"]

_PHYSICS: dict[str, dict[str, int]] = {
    "thermal": {"n_reads": 200, "n_sweeps": 1_000},
    "path_integral": {"n_reads": 100, "n_sweeps": 200},
}
"""Of the simulated device -> what of its settings are no defaults; seconds each of some hundred spins."""

_BESIDE = 1.3  # the ladder reaches so many times beyond the temperatures that are looked for
_REPLICAS = 16
_UPDATES, _MOST_SWEEPS = 4e10, 30_000  # of the reference, see `sweeps_within`


def annealed_config(path: str | os.PathLike[str], factor: float, *, seed: int = 0) -> dict[str, Any]:
    """A config, as plain values, that holds anneals of a machine against its equilibrium.

    A simulated device is programmed with the energy of the machine times a factor, and its own temperature
    decides at which temperature of the machine that is. Two are taken, in units of its couplings: the factor
    itself (times the temperature of the machine), at which a slow anneal samples the machine, as whoever
    trains with that factor takes for granted; and 1, at which the factor is the inverse temperature.

    Parameters
    ----------
    path : file of a Boltzmann machine, see `qspin.networks.read_model`
    factor : on its energy, positive
    seed : of the sampling

    Raises
    ------
    InputError
        If the file holds no machine, or one without couplings, or the factor is not positive.
    """
    if (factor := checked_real(factor, "annealed")) <= 0:
        raise InputError(f"annealed is the factor on the energy that is programmed, above 0; got {factor:g}")
    temperature = facts_of(path).temperature
    if temperature is None:
        raise InputError(
            f"{path} is a network, which has no temperature of its own for an anneal to have: annealed is "
            "for Boltzmann machines; leave it out"
        )
    model: Any = get_source("model", path=str(path))
    problem = model.outline()
    require_couplings(problem, path, "anneal")
    devices = {"": factor * temperature}
    if devices[""] != 1:
        devices["_at_1"] = 1.0
    hottest = _BESIDE * max(devices.values()) / factor
    betas = ladder_of([problem], temperature, hottest=hottest, coldest=temperature / _BESIDE)
    sweeps = sweeps_within(_UPDATES, problem, _REPLICAS * len(betas), _MOST_SWEEPS)
    tempering = {
        "name": "tempering", "betas": betas, "n_replicas": _REPLICAS, "n_burn_in": sweeps // 2,
        "n_sweeps": sweeps,
    }  # fmt: skip
    return {
        "schema": 2,
        "name": f"annealed-{as_label(Path(path).stem)}",
        "seed": seed,
        "problems": {"model": {"kind": "model", "path": settings_of(model)["path"]}},
        "backends": {
            "tempering": tempering,
            **{
                f"{physics}{suffix}": _annealer(physics, factor, warmth)
                for suffix, warmth in devices.items()
                for physics in _PHYSICS
            },
        },
        "studies": {"own_temperature": {"temperature": temperature}, "equilibrium": {}},
    }


def _annealer(physics: str, factor: float, temperature: float) -> dict[str, Any]:
    """A simulated device without a graph: every machine is native."""
    own = {"name": "annealer", "device": "simulated", "topology": "none", "physics": physics}
    return {**own, "betas": [factor], "temperature": temperature, **_PHYSICS[physics]}
