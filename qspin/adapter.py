"""Any qspin sampler as a dimod sampler, for code and composites written against Ocean."""

from __future__ import annotations

from typing import Any

import dimod

from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.sampler import Sampler, Seed
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
        return {"seed": []}

    @property
    def properties(self) -> dict[str, Any]:
        return {"backend": type(self._sampler).__name__, "settings": settings_of(self._sampler)}

    def sample(
        self, bqm: dimod.BinaryQuadraticModel, seed: Seed = None, **parameters: Any
    ) -> dimod.SampleSet:
        """Sample a BQM of either vartype; the answer has its vartype and its energies."""
        self.remove_unknown_kwargs(**parameters)
        samples = self._sampler.sample(IsingProblem.from_bqm(bqm), seed=seed)
        return samples.to_dimod().change_vartype(bqm.vartype, inplace=False)


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
