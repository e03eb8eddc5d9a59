"""Are the chains in equilibrium, and what is to be said of the samples?"""

from __future__ import annotations

from typing import ClassVar

import xarray as xr

from qspin import analysis
from qspin.measure import IsingProblem, SampleSet, settings
from qspin.measures.averaging import Rule
from qspin.measures.base import NamedMeasure, told
from qspin.remarks import Remark

__all__ = ["ChainDiagnostics"]

_NO_OVERLAPS = (
    "there are fewer than two replicas, so there are no overlaps: raise n_replicas, or n_reads of a device"
)


@settings
class ChainDiagnostics(NamedMeasure):
    """ESS, R-hat and swap rates over ``beta`` (`qspin.analysis.chain_diagnostics`), and in the attribute
    ``remarks`` all that is to be known before trusting the samples (`qspin.analysis.equilibrium_remarks`).

    Of instances, the worst.
    """

    name: ClassVar[str] = "chain_diagnostics"
    rules: ClassVar = {
        "ess": Rule.LEAST,
        "r_hat": Rule.MOST,
        "ess_overlap": Rule.LEAST,
        "r_hat_overlap": Rule.MOST,
        "swap_rate": Rule.LEAST,
    }

    def measured(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        diagnostics = analysis.chain_diagnostics(samples)
        return diagnostics.assign_attrs(told(_remarks_on(samples, diagnostics)))


def _remarks_on(samples: SampleSet, diagnostics: xr.Dataset) -> list[Remark]:
    """What to know before trusting samples, and that there are no overlaps where there are none."""
    found = list(analysis.equilibrium_remarks(samples, diagnostics))
    if samples.spins.sizes["replica"] < 2:
        found.append(Remark("one-replica", _NO_OVERLAPS))
    return found
