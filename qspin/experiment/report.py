"""One self-contained HTML page that a person can read: findings, figures, table, what was run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import xarray as xr

from qspin import plot
from qspin.benchmark import TimeToSolution
from qspin.experiment.comparison import LEVEL, Pair, compared, shown, verdict_table
from qspin.experiment.families import binder_curves, crossing_sentences, with_families
from qspin.experiment.figures import Figure, drawn, save_figures
from qspin.experiment.findings import findings, half_temperature, trust, with_error
from qspin.experiment.problem_specs import MlpSpec
from qspin.experiment.store import RunFolder
from qspin.files import atomic_write
from qspin.networks.training import TrainingRecord

__all__ = ["write_report"]

CLOCKS = ("compile", "prepare", "queue", "device", "sample")


def write_report(folder: RunFolder, single: Mapping[tuple[str, str], xr.Dataset]) -> Path:
    """Write ``figures/*.svg``, ``figures/*.pdf`` and ``report.html`` from what `analyse` found.

    Returns
    -------
    path of the page
    """
    results = with_families(folder.config, single)
    found = compared(folder)
    atomic_write(folder.path / "comparison.csv", verdict_table(found.verdicts))
    figures = [
        *_figures(folder, results),
        *_size_figures(folder.config, single),
        *_comparison_figures(found.pairs, found.energies),
    ]
    save_figures(figures, folder.figures)
    config = folder.config
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("qspin.experiment"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    page = environment.get_template("report.html.j2").render(
        config=config,
        config_text=(folder.path / "config.yaml").read_text(encoding="utf-8"),
        environment=folder.environment,
        unfinished=folder.unfinished_tasks(),
        faults=folder.faults(),
        n_tasks=len(config.problems) * len(config.backends),
        findings=[*crossing_sentences(config, single), *findings(config, results)],
        warnings=trust(results),
        figures=figures,
        verdicts=[shown(verdict) for verdict in found.verdicts],
        level=LEVEL,
        rows=[_row(*key, result, found.times.get(key)) for key, result in results.items()],
        twins=[label for label, spec in config.problems.items() if isinstance(spec, MlpSpec)],
        critical=any(isinstance(s, MlpSpec) and s.scale == "critical" for s in config.problems.values()),
    )
    atomic_write(folder.report_file, page)
    return folder.report_file


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


def _figures(folder: RunFolder, results: Mapping[tuple[str, str], xr.Dataset]) -> Iterator[Figure]:
    series, styles = _series(results), _styles(results)
    overlaps = {label: d for label, d in series.items() if "q_abs" in d}
    if overlaps:
        sizes = {int(d.attrs["n_spins"]) for d in overlaps.values()}
        yield drawn(
            "overlap_curves",
            "Mean |q_ab| over pairs of replicas at the same temperature. Bars are one standard error, from "
            "leaving out one replica at a time.",
            lambda ax: plot.overlap_curves(
                overlaps, ax, n_spins=min(sizes) if len(sizes) == 1 else None, styles=styles
            ),
        )
        betas = _shown_betas(folder, overlaps)
        where = ", ".join("no temperature" if np.isnan(b) else f"T = {1 / b:.3g}" for b in betas)
        yield drawn(
            "overlap_distributions",
            f"Distribution of the overlap, P(q), at {where}. Bands are one standard error.",
            *(_density_panel(overlaps, beta, styles) for beta in betas),
            height=2.9,
        )
    yield drawn(
        "energy_curves",
        "Energy per spin. Bars are one standard error over replicas; mostly smaller than the symbols.",
        lambda ax: plot.energy_curves(series, ax, styles=styles),
    )
    for labels, record in _trainings(folder):
        yield drawn(
            f"training_{'_'.join(labels)}",
            f"Training behind {', '.join(labels)}: cross-entropy and accuracy, epoch 0 being the untrained "
            f"network. Final accuracy {record.curves['accuracy_train'][-1]:.1%} on the training set, "
            f"{record.curves['accuracy_test'][-1]:.1%} on the test set.",
            lambda ax, r=record: plot.learning_curves(r.curves, "loss", ax),
            lambda ax, r=record: plot.learning_curves(r.curves, "accuracy", ax),
            height=2.9,
        )


def _size_figures(config: Any, results: Mapping[tuple[str, str], xr.Dataset]) -> Iterator[Figure]:
    for backend in config.backends:
        for kind, (curves, errors, temperatures, _) in binder_curves(config, results, backend).items():
            yield drawn(
                f"binder_{kind}_{backend}",
                f"Binder ratio of {kind} against temperature, averaged over instances, by size. Bars are one "
                "standard error by bootstrap over instances.",
                lambda ax, c=curves, e=errors, t=temperatures: plot.binder_ratios(t, c, e, ax),
            )


def _comparison_figures(
    pairs: list[Pair], energies: Mapping[str, Mapping[str, xr.Dataset]]
) -> Iterator[Figure]:
    several = {problem: curves for problem, curves in energies.items() if len(curves) > 1}
    if several:
        yield drawn(
            "energy_distributions",
            "Cumulative distribution of the lowest energy of a run (a replica with its ladder, a read, a "
            f"shot), for {', '.join(several)}.",
            *(_energy_panel(problem, curves) for problem, curves in several.items()),
            height=2.9,
        )
    for pair in pairs:
        names = (pair.reference, pair.backend)
        yield drawn(
            f"cross_{pair.problem}_{pair.backend}",
            f"{pair.problem} at T = {pair.temperature:.3g}: overlaps within {names[0]}, within {names[1]} "
            f"and between them; and the overlaps of {names[0]} (first half) and {names[1]} (second half), "
            "each in the order of its dendrogram.",
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
        ax.set_title("no temperature" if np.isnan(beta) else f"T = {1 / beta:.3g}", fontsize="medium")

    return draw


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
        "seed": info["seed"],
        "round_trips": result.attrs.get("round_trips", "–"),
        "tts": "–" if tts is None else str(tts),
        "facts": _facts(info),
        **{clock: _seconds(info["clocks"], clock) for clock in CLOCKS},
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
