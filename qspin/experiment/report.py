"""One self-contained HTML page that a person can read: findings, figures, table, what was run."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import numpy as np
import xarray as xr

from qspin import plot
from qspin.experiment.analyse import load_analysis
from qspin.experiment.findings import findings, half_temperature, trust, with_error
from qspin.experiment.problem_specs import MlpSpec
from qspin.experiment.store import RunFolder
from qspin.files import atomic_write
from qspin.networks.training import TrainingRecord

__all__ = ["write_report"]

_WIDTH = 7.4  # inches


class _Figure(NamedTuple):
    name: str
    caption: str
    svg: bytes

    @property
    def source(self) -> str:
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg).decode()


def write_report(folder: RunFolder) -> Path:
    """Write ``figures/*.svg`` and ``report.html`` from what `analyse` stored.

    Returns
    -------
    path of the page
    """
    results = load_analysis(folder)
    figures = list(_figures(folder, results))
    for figure in figures:
        atomic_write(folder.figures / f"{figure.name}.svg", figure.svg)
    config = folder.config
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("qspin.experiment"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    page = environment.get_template("report.html.j2").render(
        config=config,
        config_text=(folder.path / "config.yaml").read_text(encoding="utf-8"),
        environment=folder.environment,
        unfinished=folder.unfinished_tasks(),
        n_tasks=len(config.problems) * len(config.backends),
        findings=findings(config, results),
        warnings=trust(results),
        figures=figures,
        rows=[_row(problem, backend, result) for (problem, backend), result in results.items()],
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


def _figures(folder: RunFolder, results: Mapping[tuple[str, str], xr.Dataset]) -> Iterator[_Figure]:
    series, styles = _series(results), _styles(results)
    overlaps = {label: d for label, d in series.items() if "q_abs" in d}
    if overlaps:
        sizes = {int(d.attrs["n_spins"]) for d in overlaps.values()}
        yield _drawn(
            "overlap_curves",
            "Mean |q_ab| over pairs of replicas at the same temperature. Bars are one standard error, from "
            "leaving out one replica at a time.",
            lambda ax: plot.overlap_curves(
                overlaps, ax, n_spins=min(sizes) if len(sizes) == 1 else None, styles=styles
            ),
        )
        betas = _shown_betas(folder, overlaps)
        where = ", ".join("no temperature" if np.isnan(b) else f"T = {1 / b:.3g}" for b in betas)
        yield _drawn(
            "overlap_distributions",
            f"Distribution of the overlap, P(q), at {where}. Bands are one standard error.",
            *(_density_panel(overlaps, beta, styles) for beta in betas),
            height=2.9,
        )
    yield _drawn(
        "energy_curves",
        "Energy per spin. Bars are one standard error over replicas; mostly smaller than the symbols.",
        lambda ax: plot.energy_curves(series, ax, styles=styles),
    )
    for labels, record in _trainings(folder):
        yield _drawn(
            f"training_{'_'.join(labels)}",
            f"Training behind {', '.join(labels)}: cross-entropy and accuracy, epoch 0 being the untrained "
            f"network. Final accuracy {record.curves['accuracy_train'][-1]:.1%} on the training set, "
            f"{record.curves['accuracy_test'][-1]:.1%} on the test set.",
            lambda ax, r=record: plot.learning_curves(r.curves, "loss", ax),
            lambda ax, r=record: plot.learning_curves(r.curves, "accuracy", ax),
            height=2.9,
        )


def _density_panel(overlaps: Mapping[str, xr.Dataset], beta: float, styles: plot.Styles) -> Any:
    def draw(ax: Any) -> None:
        plot.overlap_densities(overlaps, beta, ax, styles=styles)
        ax.set_title("no temperature" if np.isnan(beta) else f"T = {1 / beta:.3g}", fontsize="medium")

    return draw


def _drawn(name: str, caption: str, *panels: Any, height: float = 3.8) -> _Figure:
    """Panels side by side as one SVG; several panels share one legend below them."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(
        {"svg.hashsalt": name, "font.size": 9.5, "axes.spines.top": False, "axes.spines.right": False}
    ):
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for panel, ax in zip(panels, axes, strict=True):
            panel(ax)
        if len(axes) > 1:
            _share_legend(figure, axes)
        content = io.BytesIO()
        figure.savefig(content, format="svg", metadata={"Date": None})
    return _Figure(name, caption, content.getvalue())


def _share_legend(figure: Any, axes: Any) -> None:
    handles = {}
    for ax in axes:
        handles.update({label: handle for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)})
        if (legend := ax.get_legend()) is not None:
            legend.remove()
    columns = min(3, len(handles))
    figure.legend(
        handles.values(), handles, loc="outside lower center", ncols=columns, frameon=False, fontsize="small"
    )
    figure.set_figheight(figure.get_figheight() + 0.2 * -(-len(handles) // columns))


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


def _row(problem: str, backend: str, result: xr.Dataset) -> dict[str, Any]:
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
        **{clock: _seconds(info["clocks"], clock) for clock in ("compile", "sample")},
    }


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
