"""Which backends preparations use, and which samples nobody looks at: those of a backend that is there to
train, where studies want others.

A label under ``backends:`` samples every problem, unless preparations use it, as trainings do their sampler.
Then it samples a problem only where a study wants that, or none wants samples of the problem at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from qspin.errors import InputError, nearest_name
from qspin.experiment.config.lines import Line
from qspin.source import Preparation, Source
from qspin.study import Wanted

__all__ = ["left_out_of", "preparations_of", "refuse_absent"]


def left_out_of(
    problems: Mapping[str, Line], backends: Collection[str], wanted: Iterable[Wanted]
) -> frozenset[tuple[str, str]]:
    """(problem, backend) that are not sampled.

    Parameters
    ----------
    problems : by label
    backends : labels
    wanted : by all studies
    """
    used = {name for line in problems.values() for name in _used_by(line)}.intersection(backends)
    cells = {(one.problem, backend) for one in wanted for backend in (one.backend, one.reference)}
    looked_at = {problem for problem, _ in cells}.intersection(problems)
    return frozenset((label, name) for label in looked_at for name in used) - cells


def _used_by(line: Line) -> set[str]:
    """Labels of backends that the preparations of a problem use, at whatever point."""
    return {name for _, source in line.corners for own in preparations_of(source) for name in own.uses}


def refuse_absent(problems: Mapping[str, Line], backends: Collection[str]) -> None:
    """Raises InputError where a preparation uses a backend that is not there; its key is that of the setting
    which names it."""
    for line in problems.values():
        for at, source in line.corners:
            for own in preparations_of(source):
                for name in own.uses:
                    if name not in backends:
                        raise _absent(name, own, line, line.settings_at(at), backends)


def _absent(
    name: str, user: Preparation, line: Line, settings: Mapping[str, Any], backends: Collection[str]
) -> InputError:
    setting = [own for own, value in settings.items() if value == name][:1]
    remedy = nearest_name(name, {*backends, *user.own_samplers})
    return InputError(
        f"problems.{line.label}: {''.join(f'{own}: ' for own in setting)}{user.title} uses backend {name!r}, "
        f"which is not there: {remedy}",
        key=("problems", line.label, *setting),
    )


def preparations_of(source: Source) -> Iterator[Preparation]:
    """All that a source needs, and what these need themselves, each once; a circle ends."""
    waiting, seen = list(source.needs().values()), list[object]()
    while waiting:
        own = waiting.pop()
        if (identity := own.identity()) in seen:
            continue
        seen.append(identity)
        waiting += own.needs().values()
        yield own
