"""One self-contained HTML page that a person can read: findings, figures, table, what was run."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import jinja2
import numpy as np
import xarray as xr

from qspin import plot
from qspin.analysis import half_temperature
from qspin.benchmark import TimeToSolution
from qspin.errors import RunError
from qspin.experiment.analyse import Analysis
from qspin.experiment.comparison import MOST_PAIRS, Compared
from qspin.experiment.families import binder_curves, crossing_sentences, with_families
from qspin.experiment.figures import Sketch, draw_all, save_figures, sketch
from qspin.experiment.findings import findings
from qspin.experiment.problem_specs import MlpSpec
from qspin.experiment.remarks import grouped, notes, trust
from qspin.experiment.store import RunFolder
from qspin.experiment.verdicts import LEVEL, Verdict
from qspin.files import atomic_write
from qspin.networks.training import TrainingRecord
from qspin.studies.wording import with_error

__all__ = ["WARNINGS", "write_report"]

WARNINGS = "warnings.txt"
"""File in a run folder: what to know before trusting it, a line for each kind of warning."""

_MOST_CURVES = 12  # in one panel
_MOST_PANELS = 4

_Part = TypeVar("_Part")

CLOCKS = ("compile", "prepare", "queue", "device", "sample")


def write_report(folder: RunFolder, single: Analysis) -> Path:
    """Write ``figures/``, ``warnings.txt`` and ``report.html`` from what `analyse` found.

    Returns
    -------
    path of the page

    Raises
    ------
    RunError
        If a comparison, a figure or a finding failed that should not have; the page is written without it and
        says which and why.
    """
    config, found = folder.config, single.compared
    results = with_families(config, single)
    faults = [*single.failed, *found.faults]
    sketches = [
        *_made("figures of curves", lambda: _figures(folder, results), faults),
        *_made("figures of trainings", lambda: _training_figures(folder), faults),
        *_made("figures of sizes", lambda: _size_figures(config, single), faults),
        *_made("figures of comparisons", lambda: _comparison_figures(found), faults),
    ]
    figures, undrawn = draw_all(sketches)
    faults += undrawn
    save_figures(figures, folder.figures)
    said = [
        *_made("findings of sizes", lambda: crossing_sentences(config, single), faults),
        *_made("findings", lambda: findings(config, results, found.verdicts), faults),
    ]
    warnings = trust(single)
    atomic_write(folder.path / WARNINGS, "".join(f"{line}\n" for line in warnings))
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("qspin.experiment"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    page = environment.get_template("report.html.j2").render(
        config=config,
        config_text=(folder.path / "config.yaml").read_text(encoding="utf-8"),
        environment=folder.environment,
        unfinished=folder.unfinished_tasks(),
        missing=[*folder.faults(), *faults],
        n_tasks=len(config.problems) * len(config.backends),
        findings=said,
        warnings=warnings,
        notes=notes(single),
        figures=figures,
        verdicts=[_shown(verdict) for verdict in found.verdicts],
        not_compared=grouped(
            (
                (v.problem, f"{v.backend} {v.at}".strip(), v.verdict)
                for v in found.verdicts
                if not v.is_compared
            ),
            len(found.verdicts),
            "comparisons",
        ),
        n_corrected=sum(verdict.is_compared for verdict in found.verdicts),
        level=LEVEL,
        rows=[_row(*key, result, found.times.get(key)) for key, result in results.items()],
        twins=[label for label, spec in config.problems.items() if isinstance(spec, MlpSpec)],
        critical=any(isinstance(s, MlpSpec) and s.scale == "critical" for s in config.problems.values()),
    )
    atomic_write(folder.report_file, page)
    if faults:
        raise RunError(
            f"the report {folder.report_file} lacks {len(faults)} of its parts: {'; '.join(faults)}"
        )
    return folder.report_file


def _made(what: str, make: Callable[[], Iterable[_Part]], faults: list[str]) -> list[_Part]:
    """A part of the page; if it fails, the page says so and goes on without it."""
    try:
        return list(make())
    except Exception as error:  # one part never costs the report; it is told, and exits 1
        faults.append(f"{what}: {type(error).__name__}: {error}")
        return []


def _styles(results: Mapping[tuple[str, str], xr.Dataset]) -> dict[str, dict[str, Any]]:
    """A colour a problem; a line a backend, or a problem where there is one backend."""
    problems = list(dict.fromkeys(problem for problem, _ in results))
    backends = list(dict.fromkeys(backend for _, backend in results))
    return {
        label: plot.style_of(problems.index(problem), backends.index(backend) if len(backends) > 1 else None)
        for label, (problem, backend) in zip(_series(results), results, strict=True)
    }


def _series(results: Mapping[tuple[str, str], xr.Dataset]) -> dict[str, xr.Dataset]:
    """Label of each curve: the problem alone where there is one backend."""
    backends = {backend for _, backend in results}
    return {
        problem if len(backends) == 1 else f"{problem} · {backend}": result
        for (problem, backend), result in results.items()
    }


def _figures(folder: RunFolder, results: Mapping[tuple[str, str], xr.Dataset]) -> Iterator[Sketch]:
    series, styles = _series(results), _styles(results)
    overlaps, left_out = _first(
        {label: d for label, d in series.items() if "q_abs" in d}, _MOST_CURVES, "curves"
    )
    if overlaps:
        sizes = {int(d.attrs["n_spins"]) for d in overlaps.values()}
        yield sketch(
            "overlap_curves",
            "Mean |q_ab| over pairs of replicas at the same temperature. Bars are one standard error, from "
            f"leaving out one replica at a time.{left_out}",
            lambda ax: plot.overlap_curves(
                overlaps, ax, n_spins=min(sizes) if len(sizes) == 1 else None, styles=styles
            ),
        )
        betas = _shown_betas(folder, overlaps)
        yield sketch(
            "overlap_distributions",
            f"Distribution of the overlap, P(q), at {', '.join(map(_at, betas))}. Bands are one standard "
            f"error.{left_out}",
            *(_density_panel(overlaps, beta, styles) for beta in betas),
            height=2.9,
        )
    curves, left_out = _first(series, _MOST_CURVES, "curves")
    yield sketch(
        "energy_curves",
        "Energy per spin. Bars are one standard error over replicas; mostly smaller than the symbols."
        f"{left_out}",
        lambda ax: plot.energy_curves(curves, ax, styles=styles),
    )


def _training_figures(folder: RunFolder) -> Iterator[Sketch]:
    for labels, record in _trainings(folder):
        yield sketch(
            f"training_{'_'.join(labels)}",
            f"Training behind {', '.join(labels)}: cross-entropy and accuracy, epoch 0 being the untrained "
            f"network. Final accuracy {record.curves['accuracy_train'][-1]:.1%} on the training set, "
            f"{record.curves['accuracy_test'][-1]:.1%} on the test set.",
            lambda ax, r=record: plot.learning_curves(r.curves, "loss", ax),
            lambda ax, r=record: plot.learning_curves(r.curves, "accuracy", ax),
            height=2.9,
        )


def _first(things: Mapping[str, _Part], most: int, what: str) -> tuple[dict[str, _Part], str]:
    """As many as a figure can show, and a sentence on the others."""
    if len(things) <= most:
        return dict(things), ""
    return dict(list(things.items())[:most]), (
        f" Of {len(things)} {what} the first {most} are drawn; the numbers of all are in metrics.csv and "
        "analysis.nc."
    )


def _size_figures(config: Any, results: Mapping[tuple[str, str], xr.Dataset]) -> Iterator[Sketch]:
    for backend in config.backends:
        for kind, (curves, errors, temperatures, _) in binder_curves(config, results, backend).items():
            yield sketch(
                f"binder_{kind}_{backend}",
                f"Binder ratio of {kind} against temperature, averaged over instances, by size. Bars are one "
                "standard error by bootstrap over instances.",
                lambda ax, c=curves, e=errors, t=temperatures: plot.binder_ratios(t, c, e, ax),
            )


def _comparison_figures(found: Compared) -> Iterator[Sketch]:
    several = {problem: curves for problem, curves in found.energies.items() if len(curves) > 1}
    panels, left_out = _first(several, _MOST_PANELS, "problems")
    if panels:
        yield sketch(
            "energy_distributions",
            "Cumulative distribution of the lowest energy of a run (a replica with its ladder, a read, a "
            f"shot), for {', '.join(panels)}.{left_out}",
            *(_energy_panel(problem, curves) for problem, curves in panels.items()),
            height=2.9,
        )
    for pair in found.pairs:
        names = (pair.reference, pair.backend)
        more = f" The first {MOST_PAIRS} of {found.n_pairs} pairs are drawn; all are in comparison.csv."
        yield sketch(
            f"cross_{pair.problem}_{pair.backend}",
            f"{pair.problem} at T = {pair.temperature:.3g}: overlaps within {names[0]}, within {names[1]} "
            f"and between them; and the overlaps of {names[0]} (first half) and {names[1]} (second half), "
            "each in the order of its dendrogram."
            + (more if found.n_pairs > MOST_PAIRS and pair is found.pairs[-1] else ""),
            lambda ax, pair=pair, names=names: plot.cross_overlaps(pair.overlaps, names, ax),
            lambda ax, pair=pair: plot.overlap_matrix(pair.matrix, ax, order=pair.order),
            height=3.0,
        )


def _energy_panel(problem: str, curves: Mapping[str, xr.Dataset]) -> Any:
    def draw(ax: Any) -> None:
        plot.energy_distributions(curves, ax)
        ax.set_title(problem, fontsize="medium")

    return draw


def _density_panel(overlaps: Mapping[str, xr.Dataset], beta: float, styles: plot.Styles) -> Any:
    def draw(ax: Any) -> None:
        plot.overlap_densities(overlaps, beta, ax, styles=styles)
        ax.set_title(_at(beta), fontsize="medium")

    return draw


def _at(beta: float) -> str:
    if np.isnan(beta):
        return "no temperature"
    return f"T = {1 / beta:.3g}" if beta else "T = infinity"


def _shown_betas(folder: RunFolder, overlaps: Mapping[str, xr.Dataset]) -> list[float]:
    """Inverse temperatures at which P(q) is shown: the ladder points nearest to what the config asks for."""
    set_ones = [d for d in overlaps.values() if np.isfinite(d["beta"].values).any()]
    with np.errstate(divide="ignore"):
        ladders = [1 / d["temperature"].values for d in set_ones or overlaps.values()]
    known = np.unique(np.concatenate([ladder[ladder > 0] for ladder in ladders]))
    shown: list[float] = []
    if known.size:
        asked = folder.config.analysis.temperatures
        wanted = 1 / np.array(asked) if asked else np.quantile(known, [1, 0.5, 0], method="nearest")
        shown = [float(known[np.argmin(np.abs(np.log(known / beta)))]) for beta in wanted]
    elif any(np.isinf(d["temperature"].values).any() for d in overlaps.values()):
        shown = [0.0]
    if any(np.isnan(d["temperature"].values).all() for d in overlaps.values()):
        shown.append(float("nan"))
    return list(dict.fromkeys(shown))


def _trainings(folder: RunFolder) -> Iterator[tuple[list[str], TrainingRecord]]:
    """Each training once, with the labels of the problems that use it."""
    users: dict[Any, list[str]] = {}
    for label, spec in folder.config.problems.items():
        if isinstance(spec, MlpSpec):
            users.setdefault(spec.training, []).append(label)
    for training, labels in users.items():
        if (record := folder.training_record(training)) is not None:
            yield labels, record


def _shown(verdict: Verdict) -> Mapping[str, str]:
    """A row for people."""

    def number(value: float, form: str = "{:.2g}") -> str:
        return "–" if math.isnan(value) else form.format(value)

    temperature = "–"
    if not math.isnan(verdict.temperature):
        temperature = (
            with_error(verdict.temperature, verdict.temperature_error)
            if verdict.temperature_error
            else f"{verdict.temperature:.3g}"
        )
    row = {
        "problem": verdict.problem,
        "backend": f"{verdict.backend} {verdict.at}".strip(),
        "reference": verdict.reference,
        "temperature": temperature,
        "p_value": number(verdict.p_corrected, "{:.2g}"),
        "verdict": verdict.verdict,
        **dict.fromkeys(("same", "correlations", "variation", "valleys"), "–"),
    }
    if not verdict.is_compared:
        return row
    row["same"] = "no" if verdict.is_other else "not rejected"
    row["correlations"] = f"{number(verdict.correlation_error)} ({number(verdict.correlation_noise)})"
    row["valleys"] = f"{verdict.n_missed} of {verdict.n_valleys} ({verdict.expected_missed:.1f})"
    if not math.isnan(verdict.total_variation):
        row["variation"] = f"{number(verdict.total_variation)} ({number(verdict.total_variation_noise)})"
    return row


def _row(problem: str, backend: str, result: xr.Dataset, tts: TimeToSolution | None) -> dict[str, Any]:
    """One line of the table."""
    info = json.loads(result.attrs["info"])
    half = half_temperature(result)
    temperatures = result["temperature"].values
    coldest = int(np.nanargmin(temperatures)) if np.isfinite(temperatures).any() else 0
    return {
        "problem": problem,
        "backend": backend,
        "n_spins": int(result.attrs["n_spins"]),
        "n_couplings": int(result.attrs["n_couplings"]),
        "coupling_rms": f"{result.attrs['coupling_rms']:.3g}",
        "half": with_error(*half) if half else "–",
        "coldest": "–" if np.isnan(temperatures[coldest]) else f"{temperatures[coldest]:.3g}",
        "q_abs": _value(result, "q_abs", coldest),
        "energy": _value(result, "energy", coldest),
        "best": f"{result.attrs['best_energy'] / max(int(result.attrs['n_spins']), 1):.4f}",
        "samples": f"{int(result.attrs['n_replicas'])} × {int(result.attrs['n_draws'])}",
        "ess": _extreme(result, "ess", np.nanmin, "{:.0f}"),
        "r_hat": _extreme(result, "r_hat", np.nanmax, "{:.3f}"),
        "r_hat_overlap": _extreme(result, "r_hat_overlap", np.nanmax, "{:.3f}"),
        "broken": _extreme(result, "chain_break_fraction", np.nanmax, "{:.1%}"),
        "swap_rate": _extreme(result, "swap_rate", np.nanmin, "{:.0%}"),
        "seed": info.get("seed", "–"),
        "round_trips": result.attrs.get("round_trips", "–"),
        "tts": "–" if tts is None else str(tts),
        "facts": _facts(info),
        **{clock: _seconds(info.get("clocks", {}), clock) for clock in CLOCKS},
    }


def _facts(info: Mapping[str, Any]) -> str:
    """What a device was given: its embedding, or its circuit."""
    if "circuit" in info:
        circuit, device = info["circuit"], info["device"]
        text = f"depth {circuit['depth']}, {circuit['two_qubit_gates']} two-qubit gates"
        return f"{text}, {device.get('method', device['name'])}"
    if "pipeline" in info:
        embedding = info["pipeline"]["embedding"]
        chains = [len(chain) for chain in embedding.get("chains") or []]
        if chains:
            return f"{sum(chains)} qubits, chains of {max(chains)} at most"
        return "no embedding"
    return str(info.get("kernel", "–"))


def _value(result: xr.Dataset, name: str, k: int) -> str:
    if name not in result:
        return "–"
    return with_error(float(result[name][k]), float(result[f"{name}_error"][k]))


def _seconds(clocks: Mapping[str, float], name: str) -> str:
    return f"{clocks[name]:.1f}" if name in clocks else "–"


def _extreme(result: xr.Dataset, name: str, choose: Any, form: str) -> str:
    if name not in result or np.isnan(result[name].values).all():
        return "–"
    return form.format(float(choose(result[name].values)))
