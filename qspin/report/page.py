"""What a page is made of, and what the files of its figures and tables are called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qspin.errors import InputError, shown
from qspin.plot.canvas import Drawing
from qspin.remarks import Remark
from qspin.study import Axis, Conclusion, Figure, Section, Table

__all__ = ["Page", "figures_of", "file_name", "tables_of"]

OWN = "page-"
"""What the anchors of the page's own parts begin with."""

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True)
class Page:
    """Everything that a page lays out.

    Parameters
    ----------
    name : of the run
    problems, backends : label -> plain settings as the config gives them, ``kind`` and ``name`` among them
    conclusions : of the studies, in the order in which they are told
    figures : drawings of their figures by the names that `figures_of` gives; what is missing is said
    axes : of the sweep
    seed : of the run
    remarks : (problem, backend, remark), those of the conclusions among them
    failures : what could not be done, a sentence each, the faults of the conclusions among them
    n_done, n_tasks : how many tasks have been done, of how many
    n_left_out : problems with backends that are not sampled, since nobody looks at them
    notes : of the sources, a sentence each
    environment : name -> fact, or name -> version under ``versions``
    config_text : the resolved config

    Raises
    ------
    InputError
        For two sections of one anchor, two figures or tables of one name, or names that no file can bear.
    """

    name: str
    problems: Mapping[str, Mapping[str, Any]]
    backends: Mapping[str, Mapping[str, Any]]
    conclusions: Sequence[Conclusion] = ()
    figures: Mapping[str, Drawing] = field(default_factory=dict)
    axes: Sequence[Axis] = ()
    seed: int = 0
    remarks: Sequence[tuple[str, str, Remark]] = ()
    failures: Sequence[str] = ()
    n_done: int = 0
    n_tasks: int = 0
    n_left_out: int = 0
    notes: Sequence[str] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    config_text: str = ""

    def __post_init__(self) -> None:
        _named((section.anchor, section) for section in self.sections)
        for section in self.sections:
            if section.anchor.startswith(OWN):
                raise InputError(
                    f"anchors that begin with {OWN!r} are the page's own; got {section.anchor!r}"
                )
        figures_of(self.conclusions)
        tables_of(self.conclusions)

    @property
    def sections(self) -> list[Section]:
        return [section for conclusion in self.conclusions for section in conclusion.sections]

    @property
    def n_cells(self) -> int:
        """Problems times backends, those left out that are not sampled."""
        return len(self.problems) * len(self.backends) - self.n_left_out


def file_name(section: Section, thing: Figure | Table) -> str:
    """Of the files of a figure or table of a section, without their suffix."""
    return f"{section.anchor}-{thing.name}"


def figures_of(conclusions: Iterable[Conclusion]) -> dict[str, Figure]:
    """All figures of all sections by the names of their files, for `qspin.plot.canvas.draw_all`.

    Raises
    ------
    InputError
        For two of one name, or a name that no file can bear.
    """
    return _named((file_name(s, figure), figure) for s in _sections(conclusions) for figure in s.figures)


def tables_of(conclusions: Iterable[Conclusion]) -> dict[str, Table]:
    """All tables of all sections by the names of their files; raises as `figures_of` does."""
    return _named((file_name(s, table), table) for s in _sections(conclusions) for table in s.tables)


def _sections(conclusions: Iterable[Conclusion]) -> Iterator[Section]:
    return (section for conclusion in conclusions for section in conclusion.sections)


def _named(things: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, thing in things:
        kind = type(thing).__name__.lower()
        if not _NAME.fullmatch(name):
            raise InputError(f"names of a {kind} are letters, digits, dots and dashes; got {shown(name)}")
        if name in found:
            raise InputError(f"two {kind}s are called {name!r}; give each a name of its own")
        found[name] = thing
    return found
