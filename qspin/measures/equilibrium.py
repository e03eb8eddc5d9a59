"""Are the chains in equilibrium, and what is to be said of the samples?"""

from __future__ import annotations

from typing import ClassVar

import xarray as xr

from qspin import analysis
from qspin.measure import IsingProblem, SampleSet, settings
from qspin.measures.averaging import Rule
from qspin.measures.base import NamedMeasure, told
from qspin.remarks import Level, Remark

__all__ = ["ChainDiagnostics", "own_remarks"]


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


def _remarks_on(samples: SampleSet, diagnostics: xr.Dataset | None = None) -> list[Remark]:
    """What to know before trusting samples, and that there are no overlaps where there are none."""
    found = _equilibrium_remarks(samples, diagnostics)
    if samples.spins.sizes["replica"] < 2:
        text = (
            "there are fewer than two replicas, so there are no overlaps: raise n_replicas, or n_reads of a "
            "device"
        )
        found.append(Remark("one-replica", text))
    return found


def _equilibrium_remarks(samples: SampleSet, diagnostics: xr.Dataset | None) -> list[Remark]:
    if hasattr(analysis, "equilibrium_remarks"):
        return list(analysis.equilibrium_remarks(samples, diagnostics))
    found = [Remark("unspecified", text) for text in analysis.equilibrium_warnings(samples, diagnostics)]
    return found + [Remark("unspecified", text, Level.NOTE) for text in analysis.equilibrium_notes(samples)]


def own_remarks(samples: SampleSet) -> list[Remark]:
    """What the sampler itself has to say."""
    if hasattr(samples, "remarks"):
        return list(samples.remarks)
    return [Remark("unspecified", text) for text in samples.info["warnings"]]
