"""Tables, figures and a page of a benchmark."""

from __future__ import annotations

import csv
import importlib.util
import io
import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2

from qspin import __version__, plot
from qspin.benchmark import fit_scaling, performance_profile
from qspin.errors import InputError, RunError
from qspin.experiment.bench_config import BenchConfig
from qspin.experiment.bench_run import BenchFolder, Row, Summary, summarised
from qspin.experiment.report import sketch
from qspin.files import atomic_write
from qspin.plot.canvas import draw_all, save_figures
from qspin.study import Figure

__all__ = ["write_bench_report"]

_COLUMNS = (
    "problem", "n_spins", "instance", "backend", "length", "runs", "successes", "probability",
    "probability_low", "probability_high", "seconds_a_run", "tts", "tts_low", "tts_high", "best_energy",
    "reference_energy", "reference_is_exact", "residual_energy", "compile", "prepare", "queue", "device",
    "sample",
)  # fmt: skip


def write_bench_report(config: BenchConfig, folder: BenchFolder, rows: Sequence[Row]) -> Path:
    """Write results.csv, summary.csv, results.parquet (if pyarrow is installed), figures, report.html.

    Raises
    ------
    RunError
        If a figure could not be drawn; the page is written without it and says why.
    """
    summaries = summarised(list(rows))
    records = [_record(row) for row in rows]
    atomic_write(folder.path / "results.csv", _csv(records))
    atomic_write(folder.path / "summary.csv", _csv([summary._asdict() for summary in summaries]))
    if importlib.util.find_spec("pyarrow") is not None:
        import pandas

        content = io.BytesIO()
        pandas.DataFrame(records).to_parquet(content)
        atomic_write(folder.path / "results.parquet", content.getbuffer())
    drawings, faults = draw_all({sketch.name: sketch for sketch in _figures(summaries, rows)})
    figures = list(drawings.values())
    save_figures(figures, folder.path / "figures")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("qspin.experiment"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    page = environment.get_template("bench.html.j2").render(
        config=config,
        config_text=(folder.path / "config.yaml").read_text(encoding="utf-8"),
        version=__version__,
        n_cells=len(rows),
        findings=_findings(summaries),
        warnings=[*(f"missing: {fault}" for fault in faults), *_warnings(rows, summaries)],
        figures=figures,
        summaries=[_shown(summary) for summary in summaries],
    )
    atomic_write(folder.report_file, page)
    if faults:
        raise RunError(
            f"the report {folder.report_file} lacks {len(faults)} of its parts: {'; '.join(faults)}"
        )
    return folder.report_file


def _record(row: Row) -> dict[str, Any]:
    p = row.tts.probability
    values = (
        *row.cell[:5], p.runs, p.successes, p.value, p.low, p.high, row.tts.seconds_a_run, row.tts.seconds,
        row.tts.low, row.tts.high, row.best, row.reference, row.is_exact, row.residual,
        *(row.clocks.get(name, math.nan) for name in _COLUMNS[-5:]),
    )  # fmt: skip
    return dict(zip(_COLUMNS, values, strict=True))


def _csv(records: Sequence[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]) if records else [], lineterminator="\n")
    writer.writeheader()
    for record in records:
        writer.writerow({key: _cell(value) for key, value in record.items()})
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, float) and not isinstance(value, bool):
        return "" if math.isnan(value) else f"{value:.8g}"
    return value


def _shown(summary: Summary) -> dict[str, Any]:
    seconds = f"{summary.median:.3g}" if math.isfinite(summary.median) else "> all that was tried"
    return {
        **summary._asdict(),
        "length": f"{summary.length:g}" if summary.length else "",
        "median": seconds,
        "interval": f"{summary.low:.3g} to {summary.high:.3g}",
        "inside": "yes" if summary.is_inside else "no",
    }


def _findings(summaries: Sequence[Summary]) -> list[str]:
    sentences = []
    for (problem, backend), group in _by(summaries, "problem", "backend"):
        known = [s for s in group if math.isfinite(s.median)]
        if len(known) >= 3:
            fits = fit_scaling([s.n_spins for s in known], [s.median for s in known])
            better = min(fits.values(), key=lambda fit: fit.residual)
            sentences.append(
                f"{backend} on {problem}: the median time to solution grows as {fits['exponential']} or "
                f"{fits['power']}, 95 % intervals of the exponent; the {better.law} law leaves less."
            )
    for (problem, n_spins), group in _by(summaries, "problem", "n_spins"):
        known = sorted((s for s in group if math.isfinite(s.median)), key=lambda s: s.median)
        if len(known) > 1:
            first, second = known[:2]
            apart = first.high < second.low
            sentences.append(
                f"{problem}, {n_spins} spins: {first.backend} is "
                + (f"{second.median / first.median:.3g} times faster than {second.backend}" if apart else
                   f"not told apart from {second.backend}")
                + f" ({first.median:.3g} s, {second.median:.3g} s)."
            )  # fmt: skip
    return sentences or ["No backend has three sizes with a time to solution."]


def _warnings(rows: Sequence[Row], summaries: Sequence[Summary]) -> list[str]:
    found = [
        f"{s.problem}, {s.n_spins} spins, {s.backend}: the "
        f"{'shortest or longest' if s.length else 'only'} run length that was tried is best, so the time is "
        "an upper bound of the optimal one"
        for s in summaries
        if not s.is_inside
    ]
    found += [
        f"{s.problem}, {s.n_spins} spins, {s.backend}: {s.n_bounds} of {s.n_instances} instances without a "
        "success; their times are lower bounds"
        for s in summaries
        if s.n_bounds
    ]
    inexact = sorted({(r.cell.problem, r.cell.n_spins) for r in rows if not r.is_exact})
    if inexact:
        where = ", ".join(f"{problem} ({n})" for problem, n in inexact)
        found.append(f"the lowest energy is the best that was found, not proven: {where}")
    return found


def _figures(summaries: Sequence[Summary], rows: Sequence[Row]) -> list[Figure]:
    figures = []
    for (problem,), group in _by(summaries, "problem"):
        curves = {
            backend[0]: [(s.n_spins, s.median, s.low, s.high) for s in own]
            for backend, own in _by(group, "backend")
        }
        figures.append(
            sketch(
                f"tts_{problem}",
                f"{problem}: median time to solution against the number of spins, with 95 % intervals over "
                "instances. Points at the top edge: no success on half of the instances.",
                lambda ax, curves=curves: plot.time_to_solution(curves, ax),
            )
        )
    times = _best_times(summaries, rows)
    try:
        profile = performance_profile(times)
    except InputError:  # backends that were not measured on the same instances
        return figures
    figures.append(
        sketch(
            "performance_profile",
            "Share of all instances that a backend solves within a factor of the fastest one.",
            lambda ax: plot.performance_profile(profile, ax),
        )
    )
    return figures


def _best_times(summaries: Sequence[Summary], rows: Sequence[Row]) -> dict[str, list[float]]:
    """Time of each backend on each instance, at the run length that its summary chose."""
    chosen = {(s.problem, s.n_spins, s.backend): s.length for s in summaries}
    times: dict[str, list[float]] = {}
    for row in rows:
        c = row.cell
        if c.length == chosen[c.problem, c.n_spins, c.backend]:
            times.setdefault(c.backend, []).append(row.tts.seconds)
    return times


def _by(summaries: Sequence[Summary], *names: str) -> list[tuple[tuple[Any, ...], list[Summary]]]:
    def key(summary: Summary) -> tuple[Any, ...]:
        return tuple(getattr(summary, name) for name in names)

    order = {k: n for n, k in enumerate(dict.fromkeys(map(key, summaries)))}
    ordered = sorted(summaries, key=lambda s: order[key(s)])
    return [(k, list(group)) for k, group in itertools.groupby(ordered, key)]
