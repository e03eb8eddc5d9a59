"""Time to solution: the study."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import xarray as xr
from pydantic import Field

from qspin import plot
from qspin.benchmark import performance_profile
from qspin.errors import nearest_name
from qspin.plot.canvas import small_multiples
from qspin.settings import deciding_settings, settings_of
from qspin.studies.time_to_solution.runs import Goal, tabulated
from qspin.studies.time_to_solution.summaries import (
    Summary,
    best_times,
    grouped_by,
    lines_of,
    scalings,
    summarised,
)
from qspin.studies.time_to_solution.tables import results_table, scaling_table, summary_table
from qspin.studies.time_to_solution.words import bottom_line, cell_verdicts, findings, impossible, remarks
from qspin.study import (
    INSTANCE,
    Asked,
    Conclusion,
    Figure,
    InputError,
    Level,
    Plan,
    Remark,
    Results,
    Section,
    Study,
    Wanted,
    settings,
)

__all__ = ["TimeToSolution"]

_PANELS = 12  # of one figure


@settings
class TimeToSolution(Study):
    """Time until a run has succeeded, at the best run length, over instances and sizes.

    Parameters
    ----------
    probability : of at least one success, which the time is for
    gap : share of \\|lowest energy\\| that a run may stay above it: 0 is time to solution
    clock : the seconds of a run: ``sample``, ``device`` (that a QPU reports) or ``wall`` (all together)
    target : what has to be reached. ``ground``: the ground energy where it is known or the problem can be
        enumerated, else the lowest that any backend found; ``lowest``: the latter always; or energies by
        label of the problem, and ``ground`` for others
    length : axis of the run length; default the first with numbers that belongs to a backend alone
    is_warmed_up : whether code is compiled before it is timed, never where reads are paid; default where
        sizes or run lengths are swept
    """

    is_standard = True

    probability: Annotated[float, Field(gt=0, lt=1)] = 0.99
    gap: Annotated[float, Field(ge=0, lt=1)] = 0.0
    clock: Literal["sample", "device", "wall"] = "sample"
    target: Literal["ground", "lowest"] | dict[str, float] = "ground"
    length: str | None = None
    is_warmed_up: bool | None = None

    def plan(self, asked: Asked) -> Plan:
        """Lowest energies of all runs.

        Raises
        ------
        InputError
            If the target names a problem, or the run length an axis, that is not there.
        """
        axes = {axis.name for line in asked.backends.values() for axis in line.axes}
        if self.length is not None and self.length not in axes:
            known = f"{nearest_name(self.length, axes)}" if axes else "no backend has an axis"
            raise InputError(f"run length {self.length!r} is no axis of a backend: {known}", key=("length",))
        for label in self.target if isinstance(self.target, dict) else ():
            if label not in asked.problems:
                raise InputError(
                    f"target {label!r} is no problem of this config: {nearest_name(label, asked.problems)}",
                    key=("target", label),
                )
        measures = ["lowest_energies", "record", *(["ground_energy"] if self.target != "lowest" else [])]
        wanted = [Wanted(name, p.label, b.label) for name in measures for p, b in asked.cells()]
        is_timed = _is_swept(asked) if self.is_warmed_up is None else self.is_warmed_up
        return Plan(wanted, is_timed=is_timed)

    def conclude(self, results: Results) -> Conclusion:
        """Tables of every sampling and of medians, scalings, and who is fastest."""
        given = self.target if isinstance(self.target, dict) else {}
        goal = Goal(self.probability, self.gap, self.clock, given, self.target != "lowest", self.length)
        rows = tabulated(results, goal)
        if not rows:
            return Conclusion()
        summaries = summarised(rows)
        lines = lines_of(summaries)
        fits = scalings(lines)
        is_summed = len(summaries) < len(rows) or any(len(line) > 1 for line in lines.values())
        profile = _profile(best_times(summaries, rows))
        section = Section(
            "Best energy and time to it",
            "time-to-solution",
            "How good are the lowest energies, and how long does it take to find them?",
            findings=findings(rows, summaries, fits),
            figures=[*_time_figures(lines), *_profile_figure(profile)],
            tables=[
                *([summary_table(summaries)] if is_summed else []),
                *([scaling_table(fits)] if fits else []),
                results_table(rows),
            ],
            notes=[self._method()],
        )
        return Conclusion(
            [section],
            list(cell_verdicts(rows)),
            {"energy": bottom_line(rows, self.probability)},
            {} if profile is None else {"performance_profile": profile},
            [*remarks(rows, summaries), *_measured_otherwise(results)],
            list(impossible(rows)),
        )

    def _method(self) -> str:
        aim = f"coming within {100 * self.gap:.3g} % of" if self.gap else "reaching"
        which = "the lowest that any backend found" if self.target == "lowest" else (
            "the one known by construction or by enumeration, else the lowest that any backend found"
        )  # fmt: skip
        return (
            f"Time to solution is the {self.clock} time until a run has succeeded with probability "
            f"{self.probability:g}; a run is one replica with its ladder, one read or one shot. Success is "
            f"{aim} the lowest energy: {which}. Runs that stop where they succeed (target_energy) are "
            "cut at the length at which they are best repeated, chosen by every second of them and measured "
            "on the others; of runs that stop above it no time is told. "
            "Intervals of single cells are 95 % of the success probability (Jeffreys), those "
            "of medians 95 % by bootstrap over instances."
        )


def _is_swept(asked: Asked) -> bool:
    """Whether sizes or run lengths are varied, so that seconds are compared."""
    of_problems = [axis for line in asked.problems.values() for axis in line.axes]
    of_backends = [axis for line in asked.backends.values() for axis in line.axes]
    return any(axis.name != INSTANCE for axis in (*of_problems, *of_backends))


def _measured_otherwise(results: Results) -> Iterator[tuple[str, str, Remark]]:
    """What to know of cells that were sampled with other threads or limits than the run ended with."""
    for cell in results.cells("record"):
        sampler = results.asked.backends[cell.backend].sampler
        decides = deciding_settings(sampler)
        now = {name: value for name, value in settings_of(sampler).items() if name not in decides}
        for point in cell.points:
            then = json.loads(point.result.attrs["info"]).get("settings", {})
            changed = [f"{k} = {then[k]}" for k in now if k in then and then[k] != now[k]]
            if changed:
                text = f"sampled with {', '.join(changed)}, unlike what the config says now"
                yield cell.problem, cell.backend, Remark("sampled-otherwise", text, Level.NOTE)
                break


# -- figures -------------------------------------------------------------------------------------


def _time_figures(lines: Mapping[tuple[str, str], Sequence[Summary]]) -> Iterator[Figure]:
    """A panel a problem that has several sizes."""
    swept = {key: line for key, line in lines.items() if len({s.n_spins for s in line}) > 1}
    panels: dict[str, Any] = {}
    for problem, keys in grouped_by(swept, lambda key: key[0]).items():
        curves = {key[1]: [(s.n_spins, s.median, s.low, s.high) for s in swept[key]] for key in keys}
        panels[problem] = lambda ax, curves=curves: plot.time_to_solution(curves, ax)
    names = list(panels)
    for k in range(0, len(names), _PANELS):
        part = names[k : k + _PANELS]
        caption = (
            f"{', '.join(part)}: median time to solution against the number of spins, with 95 % intervals "
            "over instances. Points at the top edge: no success on half of the instances."
        )
        if len(part) == 1:
            yield Figure(f"tts_{part[0]}", caption, [panels[part[0]]])
        else:
            chosen = {name: panels[name] for name in part}
            yield small_multiples(
                f"tts_{k // _PANELS + 1}", caption, chosen, n_columns=min(3, len(part)), height=2.6
            )


def _profile(times: Mapping[str, Sequence[float]]) -> xr.Dataset | None:
    """Of two backends or more on the same instances, two or more."""
    if len(times) < 2 or any(len(own) < 2 for own in times.values()):
        return None
    return performance_profile({name: np.asarray(own) for name, own in times.items()})


def _profile_figure(profile: xr.Dataset | None) -> Iterator[Figure]:
    if profile is not None:
        yield Figure(
            "performance_profile",
            "Share of all instances that a backend solves within a factor of the fastest one.",
            [lambda ax: plot.performance_profile(profile, ax)],
        )
