"""Tables of times to solution: every sampling, medians over instances, and how they grow."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from qspin.studies.tables import listed
from qspin.studies.time_to_solution.runs import CLOCKS, Row
from qspin.studies.time_to_solution.summaries import Scaling, Summary
from qspin.study import Column, Table

__all__ = ["results_table", "scaling_table", "seconds_text", "summary_table"]


def seconds_text(seconds: float) -> str:
    """Seconds for people; without a success there is no bound from above.

    Examples
    --------
    >>> seconds_text(0.01234), seconds_text(float("inf")), seconds_text(float("nan"))
    ('0.0123 s', 'beyond all that was tried', 'no time')
    """
    if math.isnan(seconds):
        return "no time"
    return f"{seconds:.3g} s" if math.isfinite(seconds) else "beyond all that was tried"


def _axes(things: Sequence[Any], name: str) -> list[str]:
    return list(dict.fromkeys(axis for thing in things for axis in getattr(thing, name)))


def results_table(rows: Sequence[Row]) -> Table:
    """Every sampling, with its clocks."""
    axes = [axis for axis in _axes(rows, "of_problem") if axis != "n_spins"]
    own = _axes(rows, "of_backend")
    records = [_record(row, axes, own) for row in rows]
    return Table(
        "results",
        "Every sampling",
        [
            Column("problem", is_text=True),
            *(Column(name) for name in axes),
            Column("n_spins", "N"),
            Column("instance", is_shown=any(row.instance != rows[0].instance for row in rows)),
            Column("backend", is_text=True),
            *(Column(name) for name in own),
            Column("length", "run length", form=".6g", is_shown=any(row.length for row in rows)),
            Column("successes", "successes", form=lambda row: f"{row['successes']} of {row['runs']}"),
            Column("runs", is_shown=False),
            Column("probability", is_shown=False),
            Column("probability_low", is_shown=False),
            Column("probability_high", is_shown=False),
            Column("seconds_a_run", "seconds a run", form=".3g"),
            Column("tts", "time to solution", form=_interval),
            Column("tts_low", is_shown=False),
            Column("tts_high", is_shown=False),
            Column("best_energy", "best energy", form=".6g"),
            Column("best_per_spin", "best E/N", form=".4f"),
            Column("reference_energy", "held against", form=".6g"),
            Column("reference", "which is", is_text=True),
            Column("reference_is_exact", is_shown=False),
            Column("residual_energy", "residual E/N", form=".2g"),
            Column("approximation_ratio", "approximation ratio", form=".3f"),
            *(
                Column(clock, f"{clock}, s", form=".3g", is_shown=any(clock in row.clocks for row in rows))
                for clock in CLOCKS
            ),
        ],
        records,
        note=(
            "Residual energy: mean over runs of (lowest energy - that held against) / N. Approximation "
            "ratio: mean lowest energy over that held against, 1 for ground states and 0 for random spins."
        ),
    )


def _interval(row: Mapping[str, Any]) -> str:
    if row["seconds_a_run"] is None:
        return "–"
    if row["tts"] is None:
        return f"> {row['tts_low']:.3g} s"
    return f"{row['tts']:.3g} s ({row['tts_low']:.3g} to {row['tts_high']:.3g})"


def _record(row: Row, axes: Sequence[str], own: Sequence[str]) -> dict[str, Any]:
    p, tts = row.probability, row.tts
    return {
        "problem": row.problem,
        **{name: listed(row.of_problem.get(name)) for name in axes},
        "n_spins": row.n_spins,
        "instance": row.instance,
        "backend": row.backend,
        **{name: listed(row.of_backend.get(name)) for name in own},
        "length": row.length,
        "runs": p.runs,
        "successes": p.successes,
        "probability": p.value,
        "probability_low": p.low,
        "probability_high": p.high,
        "seconds_a_run": None if tts is None else tts.seconds_a_run,
        "tts": None if tts is None or tts.is_bound else tts.seconds,
        "tts_low": None if tts is None else tts.low,
        "tts_high": None if tts is None else tts.high,
        "best_energy": row.best,
        "best_per_spin": row.best / max(row.n_spins, 1),
        "reference_energy": row.reference,
        "reference": row.proof,
        "reference_is_exact": row.proof in ("known", "enumerated"),
        "residual_energy": row.residual,
        "approximation_ratio": row.ratio,
        **{clock: row.clocks.get(clock) for clock in CLOCKS},
    }


def summary_table(summaries: Sequence[Summary]) -> Table:
    """Medians over instances, at the best run length."""
    axes = [axis for axis in _axes(summaries, "of_problem") if axis != "n_spins"]
    return Table(
        "summary",
        "At the best run length, over instances",
        [
            Column("problem", is_text=True),
            *(Column(name) for name in axes),
            Column("n_spins", "N"),
            Column("backend", is_text=True),
            Column("length", "run length", form=lambda row: f"{row['length']:g}" if row["length"] else "–"),
            Column("is_inside", "optimum inside", form=_is_inside, is_text=True),
            Column("n_instances", "instances"),
            Column("n_bounds", "without a success"),
            Column("median", "median time", form=lambda row: seconds_text(row["median"])),
            Column("low", "95 % interval, s", form=lambda row: f"{row['low']:.3g} to {row['high']:.3g}"),
            Column("high", is_shown=False),
        ],
        [
            {
                **{k: v for k, v in summary._asdict().items() if k not in ("of_problem", "backend_label")},
                **{name: listed(summary.of_problem.get(name)) for name in axes},
            }
            for summary in summaries
        ],
    )


def _is_inside(row: Mapping[str, Any]) -> str:
    if not row["length"]:
        return "–"
    return "yes" if row["is_inside"] else "no"


def scaling_table(fits: Sequence[Scaling]) -> Table:
    """Both laws for every line of sizes."""
    return Table(
        "scaling",
        "How the median time grows with size",
        [
            Column("problem", is_text=True),
            Column("backend", is_text=True),
            Column(
                "law", form=lambda row: "exp(b N)" if row["law"] == "exponential" else "N^b", is_text=True
            ),
            Column("exponent", "b", form=".3g"),
            Column("low", "95 % interval", form=lambda row: f"{row['low']:.3g} to {row['high']:.3g}"),
            Column("high", is_shown=False),
            Column("prefactor", "prefactor, s", form=".3g"),
            Column("residual", "rms deviation of ln t", form=".2g"),
        ],
        [
            {"problem": fit.problem, "backend": fit.backend, **vars(law)}
            for fit in fits
            for law in fit.fits.values()
        ],
    )
