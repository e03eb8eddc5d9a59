"""What opens a page: the answers of the studies, their verdicts as a matrix, and the heaviest findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from qspin.report.page import Page
from qspin.study import BOTTOM_LINE, Conclusion, Section, Tone, Verdict

__all__ = ["MOST_FINDINGS", "Answer", "Judged", "Told", "bottom_line", "findings", "matrix"]

MOST_FINDINGS = 7
"""Sentences that stand on the first screen."""


_TONES = (Tone.BAD, Tone.GOOD, Tone.OPEN)


class Answer(NamedTuple):
    """An answer to one question of the bottom line; no text where no study gives any."""

    question: str
    text: str
    anchor: str


class Judged(NamedTuple):
    """A cell of the matrix, the section behind it, and what other studies say of it."""

    verdict: Verdict
    section: Section | None
    others: tuple[Judged, ...] = ()

    def __str__(self) -> str:
        return f"{self.section.title}: {self.verdict.text}" if self.section else self.verdict.text

    @property
    def detail(self) -> str:
        """What is behind it, and the verdicts of others, a line each."""
        return "\n".join([self.verdict.detail or str(self), *map(str, self.others)])


class Told(NamedTuple):
    """A finding and the section that it stands in."""

    text: str
    section: Section


def bottom_line(conclusions: Sequence[Conclusion]) -> list[Answer]:
    """To each question the heaviest answer of all studies, of equals the first."""
    answers = []
    for key, question in BOTTOM_LINE.items():
        given = [(c.bottom_line[key], _anchor(c)) for c in conclusions if key in c.bottom_line]
        finding, anchor = max(given, key=lambda pair: pair[0].weight, default=(None, ""))
        answers.append(Answer(question, "" if finding is None else finding.text, anchor))
    return answers


def matrix(page: Page) -> tuple[list[str], dict[str, list[Judged | None]]]:
    """Backends, and for each problem the verdicts on them; none at all if no study gives any.

    A bad verdict stands before a good one and that before an open one; of equals the first.
    """
    judged: dict[tuple[str, str], list[Judged]] = {}
    for conclusion in page.conclusions:
        section = conclusion.sections[0] if conclusion.sections else None
        for verdict in conclusion.verdicts:
            judged.setdefault((verdict.problem, verdict.backend), []).append(Judged(verdict, section))
    if not judged:
        return [], {}
    problems = dict.fromkeys([*page.problems, *(problem for problem, _ in judged)])
    backends = list(dict.fromkeys([*page.backends, *(backend for _, backend in judged)]))
    return backends, {p: [_foremost(judged.get((p, b), [])) for b in backends] for p in problems}


def _foremost(verdicts: Sequence[Judged]) -> Judged | None:
    ordered = sorted(verdicts, key=lambda judged: _TONES.index(judged.verdict.tone))
    return ordered[0]._replace(others=tuple(ordered[1:])) if ordered else None


def findings(page: Page) -> tuple[list[Told], list[Told]]:
    """Those of the first screen, and all others; among equals every section has a word before any has two.

    What the bottom line has said is not said again.
    """
    said = {answer.text for answer in bottom_line(page.conclusions)}
    ranked = sorted(_ranked(page.sections), key=lambda item: item[:2])
    told = [Told(text, section) for _, _, text, section in ranked if text not in said]
    light = sum(weight == 0 for weight, _, text, _ in ranked if text not in said)
    most = min(MOST_FINDINGS, len(told) - light)
    return told[:most], told[most:]


def _ranked(sections: Sequence[Section]) -> Iterator[tuple[float, int, str, Section]]:
    for section in sections:
        for place, finding in enumerate(section.findings):
            yield -finding.weight, place, finding.text, section


def _anchor(conclusion: Conclusion) -> str:
    return conclusion.sections[0].anchor if conclusion.sections else ""
