"""The end of a run: every study concludes, and what they say is written as results, figures and a page."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from qspin.errors import RunError, named
from qspin.experiment.folder import CONFIG
from qspin.experiment.run_folder import RunFolder
from qspin.experiment.sampled import untold
from qspin.experiment.tables import as_csv, as_parquet, everything, metrics
from qspin.files import atomic_write
from qspin.netcdf import to_netcdf, tree_to_netcdf
from qspin.plot.canvas import draw_all, save_figures
from qspin.remarks import Remark
from qspin.report import Page, figures_of, grouped, render, tables_of
from qspin.study import Axis, Cell, Conclusion, Finding, Section

__all__ = ["concluded"]

T = TypeVar("T")

_NOTHING = "has nothing to ask of the problems and backends of this run"


def concluded(folder: RunFolder) -> list[str]:
    """Write everything that follows from the results of a folder, as far as they go.

    Returns
    -------
    what failed that should not have, a sentence each; the page says so too
    """
    faults: list[str] = []
    conclusions = dict(_conclusions(folder, faults))
    for label, own in conclusions.items():
        _made(f"results of {label}", partial(_write_datasets, folder, label, own), faults)
    _made("tables", lambda: _write_tables(folder, conclusions), faults)
    _made("results of all measures", lambda: _write_everything(folder), faults)
    page = _page(folder, conclusions, faults)
    told = _quiet(folder, conclusions) + [str(group) for group in grouped(page.remarks, page.n_cells)]
    atomic_write(folder.remarks_file, "".join(f"{line}\n" for line in told))
    atomic_write(folder.report_file, render(page))
    return faults


def _conclusions(folder: RunFolder, faults: list[str]) -> Iterator[tuple[str, Conclusion]]:
    taken: set[str] = set()
    told: set[Finding] = set()
    for label in folder.config.plans:
        found = _made(f"study {label}", partial(_concluded, folder, label, taken), faults)
        if found is not None:
            found = replace(found, sections=[_once(section, told) for section in found.sections])
            faults += [f"study {label}: {fault}" for fault in found.faults]
            taken.update(section.anchor for section in found.sections)
            yield label, found


def _once(section: Section, told: set[Finding]) -> Section:
    """A section without what others have told already and one tells for all; `told` has more afterwards."""
    left = [one for one in section.findings if not one.is_of_report or one not in told]
    told.update(left)
    return replace(section, findings=left)


def _concluded(folder: RunFolder, label: str, taken: Collection[str]) -> Conclusion:
    chosen, plan = folder.config.plans[label]
    found = chosen.study.conclude(folder.results(label))
    if not isinstance(found, Conclusion):
        raise RunError(f"it concluded a {type(found).__name__}; expected a qspin.study.Conclusion")
    if not found.sections and not plan.wanted and not folder.n_missing:  # asked for by name all the same
        found = replace(found, sections=[Section(label, _slug(label), notes=[f"This study {_NOTHING}."])])
    return _named(found, label, taken)


def _quiet(folder: RunFolder, conclusions: Mapping[str, Conclusion]) -> list[str]:
    """What to say of studies that asked for nothing and found nothing."""
    return [
        f"study {label} {_NOTHING}"
        for label, own in conclusions.items()
        if not folder.config.plans[label][1].wanted
        and not any(part.findings or part.figures or part.tables for part in own.sections)
        and not folder.n_missing
    ]


def _named(conclusion: Conclusion, label: str, taken: Collection[str]) -> Conclusion:
    """A conclusion whose names are all different, also from those of a study that is made twice.

    Raises
    ------
    InputError
        For two names that are one in the conclusion itself.
    """
    Page("", {}, {}, [conclusion], {})
    slug = _slug(label)
    sections = [
        replace(section, anchor=f"{section.anchor}-of-{slug}", title=f"{section.title} ({label})")
        if section.anchor in taken
        else section
        for section in conclusion.sections
    ]
    return replace(conclusion, sections=sections)


def _slug(label: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")


def _made(what: str, make: Callable[[], T], faults: list[str]) -> T | None:
    """A part of the report; if it fails, the page says so and goes on without it."""
    try:
        return make()
    except Exception as error:  # one part never costs the report; it is told, and the run ends with 1
        faults.append(f"{what}: {named(error)}")
        return None


def _write_datasets(folder: RunFolder, label: str, conclusion: Conclusion) -> None:
    for name, dataset in conclusion.datasets.items():
        atomic_write(folder.results_folder / f"{label}-{name}.nc", to_netcdf(dataset))


def _write_tables(folder: RunFolder, conclusions: Mapping[str, Conclusion]) -> None:
    for name, table in tables_of(conclusions.values()).items():
        atomic_write(folder.results_folder / f"{name}.csv", as_csv(table))
        if (content := as_parquet(table)) is not None:
            atomic_write(folder.results_folder / f"{name}.parquet", content)


def _write_everything(folder: RunFolder) -> None:
    """Every cell that any study wanted, by the name of its measure; other settings of one have the label of
    their study behind it."""
    found: dict[str, dict[Any, Cell]] = {}
    for study, wanted in folder.plan.wanted.items():
        names = {own.wanted.label or own.wanted.measure: own.wanted.measure for own in wanted}
        for label, own in folder.results(study).all_cells().items():
            for cell in own:
                known = next(iter(found.get(names[label], {}).values()), cell)
                group = names[label] if known.measure == cell.measure else f"{names[label]}_of_{study}"
                found.setdefault(group, {}).setdefault((cell.problem, cell.backend, cell.reference), cell)
    cells = {name: list(own.values()) for name, own in found.items()}
    atomic_write(folder.path / "analysis.nc", tree_to_netcdf(everything(cells)))
    atomic_write(folder.path / "metrics.csv", metrics(cells))


def _remarks(
    folder: RunFolder, conclusions: Mapping[str, Conclusion], faults: list[str]
) -> list[tuple[str, str, Remark]]:
    """Of all studies, and those of samples that no study told; without those that a study has settled."""
    told = list(dict.fromkeys(remark for own in conclusions.values() for remark in own.remarks))
    more = _made("remarks of samples", lambda: list(untold(folder, told)), faults)
    settled = {
        (own.problem, own.backend, code)
        for label, (chosen, plan) in folder.config.plans.items()
        if label in conclusions and conclusions[label].sections
        for own in plan.wanted
        for code in chosen.study.settles
    }
    return [one for one in [*told, *(more or [])] if (*one[:2], one[2].code) not in settled]


def _page(folder: RunFolder, conclusions: Mapping[str, Conclusion], faults: list[str]) -> Page:
    config, plan = folder.config, folder.plan
    drawings, undrawn = draw_all(figures_of(conclusions.values()))
    faults += undrawn
    save_figures(drawings.values(), folder.figures)
    plain = config.resolved()
    lines = [*config.problem_lines.values(), *config.backend_lines.values()]
    axes = {repr(axis.origin): Axis(axis.name, axis.values) for line in lines for axis in line.axes}
    return Page(
        name=config.name,
        problems=plain["problems"],
        backends=plain["backends"],
        conclusions=list(conclusions.values()),
        figures=drawings,
        axes=list(axes.values()),
        seed=config.seed,
        remarks=_remarks(folder, conclusions, faults),
        failures=[*folder.faults(), *faults],
        n_done=len(plan.tasks) - folder.n_missing,
        n_tasks=len(plan.tasks),
        n_left_out=len(plan.left_out),
        notes=list(dict.fromkeys(n for line in config.asked.problems.values() for n in line.source.notes())),
        environment=folder.environment,
        config_text=(folder.path / CONFIG).read_text(encoding="utf-8"),
    )
