"""How did what was prepared learn? Loss, accuracy and whatever else a preparation keeps, over its epochs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import xarray as xr

from qspin import plot
from qspin.remarks import Remark, remarks_of
from qspin.studies.tables import table_of
from qspin.studies.wording import some
from qspin.study import (
    Asked,
    Column,
    Conclusion,
    Figure,
    Finding,
    Plan,
    Results,
    Section,
    Study,
    Table,
    Wanted,
    settings,
)

__all__ = ["Training"]

_PARTS = ("train", "test", "flipped", "backdoor")
_WIDE = 10.0  # a quantity that changes by more is drawn logarithmically
_OPEN = 2  # figures that the page shows unasked
_MOST_IN_WORDS = 3  # trainings that have a sentence each


class _Group(NamedTuple):
    """Preparations of one title for the same problems: several where instances are prepared anew each."""

    title: str
    problems: tuple[str, ...]
    runs: list[xr.Dataset]

    @property
    def users(self) -> str:
        return some(self.problems, 4)


@settings
class Training(Study):
    """Loss and accuracy of every training, and other curves that a preparation keeps."""

    is_standard: ClassVar[bool] = True

    def plan(self, asked: Asked) -> Plan:
        """Nothing but that problems which have to be prepared are sampled at all."""
        backend = next((label for label, line in asked.backends.items() if not line.is_paid), None)
        backend = backend or next(iter(asked.backends))
        return Plan(
            [
                Wanted("record", label, backend)
                for label, line in asked.problems.items()
                if line.source.needs()
            ]
        )

    def conclude(self, results: Results) -> Conclusion:
        """Curves of every preparation that has any, each once."""
        groups = _groups(results)
        if not groups:
            return Conclusion()
        section = Section(
            "Training",
            "training",
            "How well did the networks learn what they were trained on?",
            list(_findings(groups)),
            [_figure(k, group) for k, group in enumerate(groups)],
            [_table(groups)],
        )
        remarks = list(_remarks(groups, results))
        return Conclusion([section], datasets=dict(_datasets(groups)), remarks=remarks)


def _groups(results: Results) -> list[_Group]:
    found: dict[tuple[str, tuple[str, ...]], list[xr.Dataset]] = {}
    for title, prepared, problems in results.prepared():
        if prepared.curves.data_vars:
            found.setdefault((title, tuple(problems)), []).append(prepared.curves)
    return [_Group(title, problems, runs) for (title, problems), runs in found.items()]


def _quantities(runs: Sequence[xr.Dataset]) -> dict[str, list[str]]:
    """``loss`` -> ``loss_train``, ``loss_test``; what has no such parts stands alone."""
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(str(name) for run in runs for name in run.data_vars):
        quantity, _, part = name.rpartition("_")
        found.setdefault(quantity if quantity and part in _PARTS else name, []).append(name)
    return found


def _findings(groups: Sequence[_Group]) -> Iterator[Finding]:
    if len(groups) > _MOST_IN_WORDS:
        yield Finding(f"{len(groups)} trainings are behind {some(_problems(groups), 6)}.", 0.4)
    for group in groups:
        weight = 0.6 if len(groups) <= _MOST_IN_WORDS else 0.1
        yield Finding(
            f"{group.title[0].upper()}{group.title[1:]}, behind {group.users}: {_ends(group)}.", weight
        )


def _problems(groups: Sequence[_Group]) -> list[str]:
    return [problem for group in groups for problem in group.problems]


def _ends(group: _Group) -> str:
    """Last values, ``loss 0.02 (train) and 0.1 (test)``; of several runs their range."""
    n = len(group.runs)
    texts = []
    for quantity, names in _quantities(group.runs).items():
        parts = [f"{_last(group, name)}{_part(name, quantity)}" for name in names]
        texts.append(f"{quantity} {' and '.join(parts)}")
    runs = f" (range of {n} runs)" if n > 1 else ""
    return f"at the end {', '.join(texts)}{runs}"


def _part(name: str, quantity: str) -> str:
    return "" if name == quantity else f" ({name.removeprefix(f'{quantity}_')})"


def _last(group: _Group, name: str) -> str:
    values = [float(run[name].values[-1]) for run in group.runs if name in run]
    low, high = min(values), max(values)
    return f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"


def _figure(k: int, group: _Group) -> Figure:
    quantities = _quantities(group.runs)
    return Figure(
        "training" if k == 0 else f"training_{k + 1}",
        f"{group.title[0].upper()}{group.title[1:]}, behind {group.users}: {', '.join(quantities)} over "
        "epochs, epoch 0 being before any of them.",
        [_panel(group, quantity, names) for quantity, names in quantities.items()],
        height=2.9,
        is_folded=k >= _OPEN,
    )


def _panel(group: _Group, quantity: str, names: Sequence[str]) -> Callable[[Any], Any]:
    values = np.concatenate([run[name].values.ravel() for run in group.runs for name in names if name in run])
    is_wide = bool((values > 0).all() and values.max() > _WIDE * values.min())
    labels = {name: name.removeprefix(f"{quantity}_") for name in names}
    return lambda ax: plot.epoch_curves(group.runs, labels, ax, label=quantity, is_logarithmic=is_wide)


def _table(groups: Sequence[_Group]) -> Table:
    names = list(dict.fromkeys(str(name) for group in groups for run in group.runs for name in run.data_vars))
    columns = [
        Column("title", "preparation", is_text=True),
        Column("problems", "behind", is_text=True),
        Column("run"),
        Column("epochs"),
        *(Column(name, f"last {name.replace('_', ', ')}") for name in names),
    ]
    rows: list[Mapping[str, Any]] = []
    for group in groups:
        for k, run in enumerate(group.runs):
            place = {"title": group.title, "problems": ", ".join(group.problems)}
            number = {"run": k + 1 if len(group.runs) > 1 else None, "epochs": _epochs(run)}
            rows.append({**place, **number, **{n: float(run[n].values[-1]) for n in names if n in run}})
    return table_of("trainings", "Trainings", columns, rows)


def _remarks(groups: Sequence[_Group], results: Results) -> Iterator[tuple[str, str, Remark]]:
    """What is to be known of a training before the problems are trusted that it is behind."""
    for cell in results.cells("record"):
        runs = [run for group in groups if cell.problem in group.problems for run in group.runs]
        told = dict.fromkeys(remark for run in runs for remark in remarks_of(run.attrs))
        yield from ((cell.problem, cell.backend, remark) for remark in told)


def _epochs(run: xr.Dataset) -> int | None:
    return int(run["epoch"].values[-1]) if "epoch" in run.coords else None


def _datasets(groups: Sequence[_Group]) -> Iterator[tuple[str, xr.Dataset]]:
    number = 0
    for group in groups:
        for run in group.runs:
            number += 1
            yield f"curves-{number}", run.assign_attrs(title=group.title, problems=", ".join(group.problems))
