"""Are the samples to be trusted? R-hat, effective sample sizes, swap rates, and what samplers say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from qspin import plot
from qspin.analysis.chains import ESS_LIMIT, R_HAT_LIMIT
from qspin.remarks import remarks_of
from qspin.studies.calibrations import calibration
from qspin.studies.cells import wherever_met
from qspin.studies.embeddings import embedding_figures
from qspin.studies.grids import grid
from qspin.studies.matching import matched_temperatures
from qspin.studies.series import Series, datasets_of, free_name, panels, series_of
from qspin.studies.tables import number, place_columns, place_of, table_of
from qspin.studies.wording import some
from qspin.study import (
    Asked,
    Column,
    Conclusion,
    Figure,
    Finding,
    Level,
    Plan,
    Remark,
    Results,
    Section,
    Study,
    Table,
    Tone,
    Verdict,
    settings,
)

__all__ = ["Equilibrium"]

_DIAGNOSTICS, _RECORD = "chain_diagnostics", "record"
_CLOCKS = ("compile", "prepare", "queue", "device", "sample")
_FINE = (
    "No sign of missing equilibrium: R-hat, effective sample sizes and, where there are any, swap rates and "
    "round trips are within their limits at every temperature. That is a necessary condition, not a proof."
)
_NOTES = (
    f"R-hat compares replicas with each other and the halves of each; beyond {R_HAT_LIMIT:g} and beyond what "
    "independent draws would show by chance, replicas disagree. It is taken of the energy and of |q| of "
    "pairs of replicas, which sees replicas in different valleys of equal depth. The effective size of the "
    f"energy sample should be {ESS_LIMIT} at least (Vehtari et al. 2021). Each number of the table is the "
    "worst of all temperatures, and of all instances where there are several.",
)


@settings
class Equilibrium(Study):
    """Whether replicas agree, at every temperature, and what else is to be known before trusting samples."""

    is_standard: ClassVar[bool] = True

    def plan(self, asked: Asked) -> Plan:
        """Diagnostics and facts of all cells."""
        wanted = wherever_met(asked, (_DIAGNOSTICS, _RECORD))
        return Plan([*wanted, *matched_temperatures(asked)])

    def conclude(self, results: Results) -> Conclusion:
        """Remarks of all cells, a verdict where they are serious, and the numbers behind them."""
        series = series_of(results, [_DIAGNOSTICS, _RECORD])
        if not series:
            return Conclusion()
        remarks = [(s.problem, s.backend, remark) for s in series for remark in _remarks(s)]
        verdicts = list(_verdicts(remarks))
        section = Section(
            "Equilibrium",
            "equilibrium",
            "Are the samples those of an ensemble in equilibrium?",
            [_finding(remarks, verdicts)],
            [*_figures(series), *embedding_figures(series, _RECORD)],
            [_diagnostics(series), *_devices(series)],
            _NOTES,
        )
        learned, curves = calibration(series, _RECORD)
        datasets = datasets_of(series)
        datasets |= {free_name(name, datasets): curve for name, curve in curves.items()}
        return Conclusion([section, *learned], verdicts, datasets=datasets, remarks=remarks)


def _remarks(s: Series) -> list[Remark]:
    """What to know of one series; where the sweep has points, at which."""
    result = s.results.get(_DIAGNOSTICS)
    found = [] if result is None else remarks_of(result.attrs)
    where = s.name()
    return [Remark(r.code, f"{where}: {r.text}" if where else r.text, r.level) for r in found]


def _verdicts(remarks: Sequence[tuple[str, str, Remark]]) -> Iterator[Verdict]:
    """One for each cell with a serious remark."""
    cells: dict[tuple[str, str], list[Remark]] = {}
    for problem, backend, remark in remarks:
        if remark.level is Level.SERIOUS:
            cells.setdefault((problem, backend), []).append(remark)
    for (problem, backend), own in cells.items():
        codes = some(remark.code.replace("-", " ") for remark in own)
        yield Verdict(problem, backend, f"doubtful: {codes}", Tone.BAD, own[0].text)


def _finding(remarks: Sequence[tuple[str, str, Remark]], verdicts: Sequence[Verdict]) -> Finding:
    if verdicts:
        which = some((f"{v.problem} with {v.backend}" for v in verdicts), 4)
        return Finding(
            f"Not to be trusted as they are: {which}. The first: {verdicts[0].detail}.",
            2.0,
        )
    if any(remark.level is Level.CAUTION for _, _, remark in remarks):
        return Finding("There is no serious sign of missing equilibrium; there are cautions.", 0.2)
    return Finding(_FINE, 0.3)


# -- figures -------------------------------------------------------------------------------------


def _figures(series: Sequence[Series]) -> Iterator[Figure]:
    """R-hat, effective sample sizes and swap rates over the temperature, folded."""
    kinds = (
        ("r_hat", "R-hat of the energy", R_HAT_LIMIT, False),
        ("r_hat_overlap", "R-hat of |q|", R_HAT_LIMIT, False),
        ("ess", "effective samples of the energy", float(ESS_LIMIT), True),
        ("swap_rate", "swap rate", None, False),
    )
    for name, label, limit, is_logarithmic in kinds:
        own = [s for s in series if _knows(s, name)]
        if own:
            yield grid(
                name, f"{label[0].upper()}{label[1:]} against the temperature.{_line(limit)}",
                panels(own), _DIAGNOSTICS, _drawn(name, label, limit, is_logarithmic), is_folded=True,
            )  # fmt: skip


def _knows(s: Series, name: str) -> bool:
    result = s.results.get(_DIAGNOSTICS)
    return result is not None and name in result and bool(np.isfinite(result[name].values).any())


def _line(limit: float | None) -> str:
    return "" if limit is None else f" The broken line is the limit, {limit:g}."


def _drawn(name: str, label: str, limit: float | None, is_logarithmic: bool) -> Callable[..., Any]:
    def draw(ax: Any, curves: Mapping[str, xr.Dataset], styles: plot.Styles) -> Any:
        return plot.quantity(
            curves, name, ax, label=label, limit=limit, is_logarithmic=is_logarithmic, styles=styles
        )

    return draw


# -- tables --------------------------------------------------------------------------------------


def _diagnostics(series: Sequence[Series]) -> Table:
    columns = [
        *place_columns(series),
        Column("n_replicas", "replicas"),
        Column("n_draws", "draws"),
        Column("ess", "least ESS", ".0f"),
        Column("r_hat", "largest R-hat: energy", ".3f"),
        Column("r_hat_overlap", "|q|", ".3f"),
        Column("swap_rate", "least swap rate", _percent("swap_rate", "%")),
        Column("chain_break_fraction", "most broken chains", _percent("chain_break_fraction", ".1%")),
        Column("round_trips", "round trips"),
        Column("seed", "sampling seed"),
        Column("status", is_text=True),
    ]
    rows = [_row(s) for s in series]
    return table_of("diagnostics", "Diagnostics", columns, rows, "ess", "r_hat", "r_hat_overlap")


def _percent(name: str, form: str) -> Callable[[Mapping[str, Any]], str]:
    precise = ".0%" if form == "%" else form

    def shown(row: Mapping[str, Any]) -> str:
        return "–" if row.get(name) is None else format(row[name], precise)

    return shown


def _row(s: Series) -> dict[str, Any]:
    row = place_of(s)
    if (result := s.results.get(_DIAGNOSTICS)) is not None:
        worst: dict[str, Callable[..., Any]] = {
            "ess": np.nanmin, "swap_rate": np.nanmin, "r_hat": np.nanmax, "r_hat_overlap": np.nanmax,
            "chain_break_fraction": np.nanmax,
        }  # fmt: skip
        row |= {name: _extreme(result, name, choose) for name, choose in worst.items()}
    if (record := s.results.get(_RECORD)) is not None:
        counts = ("n_replicas", "n_draws", "round_trips")
        row |= {name: number(record[name]) for name in counts if name in record}
        row |= {"seed": record.attrs.get("seed"), "status": record.attrs.get("status")}
    return row


def _extreme(result: xr.Dataset, name: str, choose: Callable[..., Any]) -> float | None:
    if name not in result or np.isnan(result[name].values).all():
        return None
    return float(choose(result[name].values))


def _devices(series: Sequence[Series]) -> list[Table]:
    """What the backends were given, and the time it took."""
    rows = []
    for s in series:
        if (record := s.results.get(_RECORD)) is not None:
            clocks = {f"seconds_{clock}": _seconds(record, clock) for clock in _CLOCKS}
            rows.append({**place_of(s), "headline": record.attrs.get("headline") or None, **clocks})
    columns = [
        *place_columns(series),
        Column("headline", "embedding, circuit or kernel", is_text=True),
        *(Column(f"seconds_{clock}", f"{clock}, s", ".1f") for clock in _CLOCKS),
    ]
    return (
        [Table("devices", "What was given to the backends, and the time it took", columns, rows)]
        if rows
        else []
    )


def _seconds(record: xr.Dataset, clock: str) -> float | None:
    name = f"seconds_{clock}"
    return float(record[name]) if name in record else None
