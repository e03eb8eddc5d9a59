"""Control errors of a simulated device: what is programmed is not quite what was asked for."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from qspin_backends.annealer.device import Program

__all__ = ["FLUX_A_FIELD", "ControlErrors", "mixed"]

FLUX_A_FIELD = 4.213e-4
"""Flux bias, in flux quanta, that does to a qubit what a field of -1 does.

`dwave.system.temperatures.h_to_fluxbias` for the published values of Advantage_system4.1 where single qubits
freeze out; devices differ by some tens of per cent, which damped steps make up for.
"""


@dataclass(frozen=True)
class ControlErrors:
    """Gaussian errors of fields and couplings, units of the couplings of the device.

    Parameters
    ----------
    h_noise, j_noise : standard deviations
    noise_seed : of a chip whose qubits and couplers err in the same way in every programming; None: errors
        are drawn anew for each
    """

    h_noise: float = 0.0
    j_noise: float = 0.0
    noise_seed: int | None = None

    def disturbed(self, program: Program, rng: np.random.Generator) -> Program:
        """A program as the device realises it, with its flux biases as fields."""
        return dataclasses.replace(
            program,
            fields=self._errors_of(self.h_noise, program.qubits[:, None], rng)
            + program.fields
            + _fields_of(program),
            couplings=self._errors_of(self.j_noise, program.qubits[program.couplers], rng)
            + program.couplings,
        )

    def _errors_of(
        self, deviation: float, names: NDArray[np.int64], rng: np.random.Generator
    ) -> NDArray[np.float64] | float:
        if not deviation:
            return 0.0
        if self.noise_seed is None:
            return deviation * rng.normal(size=len(names))
        return deviation * _normals_of(self.noise_seed, np.sort(names, axis=1))


def _fields_of(program: Program) -> NDArray[np.float64] | float:
    """What flux biases do, (n_used,)."""
    biases = program.parameters.get("flux_biases")
    return 0.0 if biases is None else -np.array(biases)[program.qubits] / FLUX_A_FIELD


def _normals_of(seed: int, names: NDArray[np.int64]) -> NDArray[np.float64]:
    """Standard normal numbers that belong to names (n, n_parts), whichever others are asked for beside them.

    The 53 high bits of a hash of the name are a uniform number.
    """
    state = np.full(len(names), seed, dtype=np.uint64) + np.uint64(names.shape[1])
    for part in names.T.astype(np.uint64):
        state = mixed(state) + part
    uniform = ((mixed(mixed(state)) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    return np.asarray(ndtri(uniform))


def mixed(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hashes of 64 bits, by SplitMix64 (Steele, Lea, Flood 2014)."""
    state = state + np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
