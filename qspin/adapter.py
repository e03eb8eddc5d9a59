"""Any qspin sampler as a dimod sampler, for code and composites written against Ocean."""

from __future__ import annotations

from typing import Any

import dimod
import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.sampler import Sampler, Seed, order_of, takes_initial
from qspin.settings import settings_of

__all__ = ["DimodSampler", "as_dimod"]


class DimodSampler(dimod.Sampler):
    """A qspin sampler behind dimod's interface: `sample`, `sample_ising`, `sample_qubo`.

    Every beta, replica and draw is one row; the vectors ``beta``, ``replica`` and ``draw`` tell which.
    """

    def __init__(self, sampler: Sampler):
        self._sampler = sampler

    @property
    def parameters(self) -> dict[str, Any]:
        return {"seed": [], **({"initial_states": []} if takes_initial(self._sampler) else {})}

    @property
    def properties(self) -> dict[str, Any]:
        return {"backend": type(self._sampler).__name__, "settings": settings_of(self._sampler)}

    def sample(
        self, bqm: dimod.BinaryQuadraticModel, seed: Seed = None, **parameters: Any
    ) -> dimod.SampleSet:
        """Sample a BQM of either vartype; the answer has its vartype and its energies.

        `initial_states`, in any form that dimod takes and of the vartype of the BQM, are what samplers start
        from that can: one for all replicas, or one each.
        """
        parameters = self.remove_unknown_kwargs(**parameters)
        problem = IsingProblem.from_bqm(bqm)
        if (states := parameters.get("initial_states")) is not None:
            parameters = {"initial": _initial(states, bqm.vartype, problem)}
        samples = self._sampler.sample(problem, seed=seed, **parameters)
        return samples.to_dimod().change_vartype(bqm.vartype, inplace=False)


def _initial(states: Any, vartype: dimod.Vartype, problem: IsingProblem) -> NDArray[Any]:
    """Configurations in the order of the spins, (N,) or (n, N)."""
    if isinstance(states, dimod.SampleSet):
        states = states.change_vartype(vartype, inplace=False)
    try:
        values, labels = dimod.as_samples(states)
    except (ValueError, TypeError) as error:
        raise InputError(f"initial_states: expected samples as dimod takes them; {error}") from None
    spins = 2 * values.astype(np.int64) - 1 if vartype is dimod.BINARY else values
    spins = spins[:, order_of(labels, problem, setting="initial_states")]
    return spins[0] if len(spins) == 1 else spins


def as_dimod(sampler: Sampler) -> DimodSampler:
    """Wrap a qspin sampler so that it is a `dimod.Sampler`.

    Raises
    ------
    InputError
        If it is no sampler.

    Examples
    --------
    >>> import qspin
    >>> sampler = qspin.as_dimod(qspin.get_backend("exact", betas=[5.0]))
    >>> float(sampler.sample_ising({}, {("a", "b"): -1}, seed=0).first.energy)
    -1.0
    """
    if not isinstance(sampler, Sampler):
        made = f": qspin.get_backend({sampler!r})" if isinstance(sampler, str) else ""
        raise InputError(f"sampler: expected a qspin sampler; got {type(sampler).__name__}{made}")
    return DimodSampler(sampler)
