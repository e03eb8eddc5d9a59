"""Do samplers train equally good models? Likelihoods of machines against those of a reference, by seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import Field, PositiveFloat

from qspin.errors import nearest_name
from qspin.studies.boltzmann_backends.budgets import budget_remarks, budgets_told, spent_table
from qspin.studies.boltzmann_backends.figures import curves_figure, pictures_figure
from qspin.studies.boltzmann_backends.trained import (
    Trained,
    dataset_of,
    images_dataset,
    images_of,
    standard_error,
    trained_by,
)
from qspin.studies.tables import value_columns
from qspin.studies.wording import with_error
from qspin.study import (
    INSTANCE,
    Asked,
    Column,
    Conclusion,
    Finding,
    InputError,
    Plan,
    Results,
    Section,
    Study,
    Table,
    Tone,
    Verdict,
    Wanted,
    settings,
)

__all__ = ["BoltzmannBackends"]

_AXES = (INSTANCE, "epoch")  # of problems that do not change what is compared


class _Compared(NamedTuple):
    """A model against the reference; the interval is NaN where there are no two seeds of each."""

    problem: str
    difference: float
    error: float
    low: float
    high: float

    def judged(self, margin: float) -> tuple[str, Tone]:
        if self.low >= -margin and self.high <= margin:
            return "equal", Tone.GOOD
        if self.high < -margin:
            return "worse", Tone.BAD
        if self.low > margin:
            return "better", Tone.GOOD
        return "undecided", Tone.OPEN


@settings
class BoltzmannBackends(Study):
    """Final log-likelihoods of machines, kind ``boltzmann``, against those of a reference.

    Held-out data count where all trainings have some, else what was learned. Seeds (``instances: n``) give
    the error bars. Problems of the same instances are compared one by one, as those share data; else seeds
    are taken as independent, which is on the safe side. What each training spent is told, samples of the
    negative phase and seconds; a remark says where it had neither the same samples nor the same seconds,
    within a factor of two. Samples of the models are those of the first backend that is not paid, where it
    has beta = 1.

    Parameters
    ----------
    reference : label of a problem; default the first that is trained
    margin : nats within which models count as equal
    confidence : of the intervals of Student's t (Welch's for independent seeds) that have to lie within or
        without the margin, all at once
    """

    reference: str | None = None
    margin: PositiveFloat = 0.1
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.99

    def plan(self, asked: Asked) -> Plan:
        """Raises InputError if no two problems are trained, the reference is none of them, or an axis changes
        how one is trained."""
        trained = {label: line for label, line in asked.problems.items() if line.source.needs()}
        if len(trained) < 2:
            raise InputError(
                "boltzmann_backends compares problems that are trained, such as kind boltzmann with one "
                f"sampler each; expected two or more, got {', '.join(trained) or 'none'}"
            )
        if self.reference is not None and self.reference not in trained:
            raise InputError(f"reference {self.reference!r}: {nearest_name(self.reference, trained)}")
        for label, line in trained.items():
            if others := [axis.name for axis in line.axes if axis.name not in _AXES]:
                raise InputError(
                    f"boltzmann_backends compares one training a problem and seed, and {others[0]!r} changes "
                    f"that of {label}; give each value a label of its own"
                )
        backend = next((label for label, line in asked.backends.items() if not line.is_paid), None)
        backend = backend or next(iter(asked.backends))
        return Plan([Wanted("record", label, backend) for label in trained])

    def conclude(self, results: Results) -> Conclusion:
        """Curves, final values with their errors, and a verdict on every training but the reference."""
        trained, is_held_out = trained_by(results)
        reference = self.reference or next(iter(trained), None)
        if len(trained) < 2 or reference not in trained:
            return Conclusion()
        others = [own for label, own in trained.items() if label != reference]
        compared = [self._compared(own, trained[reference], len(others)) for own in others]
        what = "held-out data" if is_held_out else "the data that were learned"
        images = images_of(results, trained)
        section = Section(
            "Samplers of Boltzmann machines",
            "boltzmann-backends",
            f"Is each sampler's model as good as that of {reference}?",
            [*(Finding(self._told(own, reference, what)) for own in compared), *budgets_told(trained)],
            [curves_figure(trained, what), *pictures_figure(images)],
            [self._table(trained, compared), spent_table(trained)],
            [_NOTE.format(confidence=self.confidence)],
        )
        backends = {cell.problem: cell.backend for cell in results.cells("record")}
        verdicts = [self._verdict(own, backends[own.problem]) for own in compared if own.problem in backends]
        remarks = [
            (label, backends[label], remark)
            for label, remark in budget_remarks(trained, reference)
            if label in backends
        ]
        datasets = {f"likelihood-{k + 1}": dataset_of(own) for k, own in enumerate(trained.values())}
        datasets |= {f"images-{k + 1}": images_dataset(*own) for k, own in enumerate(images.items())}
        return Conclusion([section], verdicts, datasets=datasets, remarks=remarks)

    def _compared(self, own: Trained, reference: Trained, n: int) -> _Compared:
        """The interval of the difference, with the chance of error shared by n of them."""
        from scipy import stats

        difference = float(own.last.mean() - reference.last.mean())
        if min(len(own.last), len(reference.last)) < 2:
            return _Compared(own.problem, difference, math.nan, math.nan, math.nan)
        is_paired = bool(own.instances) and own.instances == reference.instances
        error = (
            standard_error(own.last - reference.last)
            if is_paired
            else math.hypot(standard_error(own.last), standard_error(reference.last))
        )
        if error == 0:
            return _Compared(own.problem, difference, 0.0, difference, difference)
        found = (
            stats.ttest_rel(own.last, reference.last)
            if is_paired
            else stats.ttest_ind(own.last, reference.last, equal_var=False)
        )
        low, high = found.confidence_interval(1 - (1 - self.confidence) / n)
        return _Compared(own.problem, difference, error, float(low), float(high))

    def _told(self, own: _Compared, reference: str, what: str) -> str:
        word, _ = own.judged(self.margin)
        by = f"the log-likelihood of {what} differs by {with_error(own.difference, own.error)} nat"
        if math.isnan(own.error):
            return f"{own.problem} against {reference}: {by}; two seeds of each would give an error."
        words = {
            "equal": f"equals {reference} within {self.margin:g} nat",
            "worse": f"is worse than {reference} by more than {self.margin:g} nat",
            "better": f"is better than {reference} by more than {self.margin:g} nat",
            "undecided": f"may or may not equal {reference} within {self.margin:g} nat",
        }
        return f"The model of {own.problem} {words[word]}: {by}."

    def _verdict(self, own: _Compared, backend: str) -> Verdict:
        word, tone = own.judged(self.margin)
        by = with_error(own.difference, own.error)
        return Verdict(
            own.problem, backend, f"{word}, {by} nat", tone, "log-likelihood against the reference"
        )

    def _table(self, trained: Mapping[str, Trained], compared: Sequence[_Compared]) -> Table:
        against = {own.problem: own for own in compared}
        rows: list[dict[str, Any]] = []
        for label, own in trained.items():
            row = {"problem": label, "seeds": len(own.last), "likelihood": float(own.last.mean())}
            row["likelihood_error"] = standard_error(own.last)
            if (found := against.get(label)) is not None:
                row |= {"difference": found.difference, "difference_error": found.error}
                row |= {"low": found.low, "high": found.high, "judged": found.judged(self.margin)[0]}
            else:
                row["judged"] = "reference"
            rows.append(row)
        return Table("likelihoods", "Final log-likelihoods", _COLUMNS, rows)


_NOTE = (
    "Log-likelihoods are means over data, in nats, after the last epoch that was kept. Intervals are "
    "those of Student's t over differences of the same seeds, Welch's where seeds are not the same, and hold "
    "all at once with a confidence of {confidence:g}."
)
_COLUMNS = [
    Column("problem", is_text=True),
    Column("seeds"),
    *value_columns("likelihood", "log-likelihood / nat"),
    *value_columns("difference", "from the reference / nat"),
    Column("low", "interval from", ".3g"),
    Column("high", "to", ".3g"),
    Column("judged", "model", is_text=True),
]
