"""An inspection in sentences, and a word for the matrix."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from qspin.analysis.correction import LEVEL
from qspin.networks.inspection.pieces import BETWEEN
from qspin.studies.inspection.draws import Against, Densities, student_p_value
from qspin.studies.inspection.numbers import Numbers, PieceNumbers, corrected
from qspin.studies.landscape.glass import Place
from qspin.studies.landscape.words import findings as glass_findings
from qspin.studies.wording import at_temperature, ranges, some, with_error
from qspin.study import Finding, Tone, Verdict

__all__ = ["NULLS", "density_sentence", "findings_of", "notes_of", "told_p", "told_student", "verdicts_of"]

NULLS = {"null": "shuffles", "before": "re-initialisations"}
_ALONE = (
    "It is held against its shuffles alone: how its numbers were drawn before they learned is not told here."
)
_CORRECTED = ", corrected for the number of pieces"
_LEAST_TOLD = 1e-3  # of p-values by the normal law of a few draws
_WEIGHT = 2.0  # of what the curves say; numbers alone weigh half of it


def findings_of(
    label: str,
    numbers: Numbers,
    found: Sequence[Against],
    densities: Sequence[Densities],
    places: Sequence[Place],
    temperature: float | None,
) -> list[Finding]:
    """Size, temperatures, spectra, distributions; then curves, P(q), and whether it is a glass."""
    sentences = [Finding(_size(label, numbers), 0.6)]
    if not numbers.is_initial_known:
        sentences.append(Finding(_ALONE, 0.6))
    sentences.append(Finding(_temperatures(numbers), 0.8))
    sentences += [Finding(text, 0.8) for text in _spectra(numbers)]
    sentences += [Finding(text, 1.0) for text in _distributions(numbers)]
    several = len({one.backend for one in found}) > 1
    sentences += [Finding(_curve(label, one, numbers.unit, several), _WEIGHT) for one in found]
    sentences += [Finding(density_sentence(label, one), 1.0) for one in densities]
    if temperature is not None:
        own = "At its own temperature, " + at_temperature(temperature)
        sentences += [
            Finding(f"{own}: {one.text[0].lower()}{one.text[1:]}", 1.8) for one in glass_findings(places)
        ]
    return sentences


def told_p(p: float) -> str:
    """A p-value for people: ``p = 0.03``, ``p < 1e-12``.

    Examples
    --------
    >>> told_p(0.0312), told_p(3.2e-7), told_p(1e-30), told_p(float("nan"))
    ('p = 0.031', 'p = 3e-07', 'p < 1e-12', 'p unknown')
    """
    if math.isnan(p):
        return "p unknown"
    if p < 1e-12:
        return "p < 1e-12"
    return f"p = {p:.2g}" if p >= 1e-3 else f"p = {p:.0e}"


def told_student(p: float) -> str:
    """A p-value that takes a few draws as normal: its tail says no more than that it is small.

    Examples
    --------
    >>> told_student(0.0312), told_student(3.2e-7)
    ('Student p = 0.031', 'Student p < 0.001')
    """
    return "Student p < 0.001" if p < _LEAST_TOLD else f"Student {told_p(p)}"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


# -- numbers alone -------------------------------------------------------------------------------


def _size(label: str, numbers: Numbers) -> str:
    problem, groups = numbers.problem, numbers.groups
    parts = some([f"{name} of {n}" for name, n in groups.items()], 6, once=False)
    layers = f" in {len(groups)} group{'s' * (len(groups) != 1)} ({parts})" if groups else ""
    fields = "with fields" if problem.fields.any() else "without fields"
    return (
        f"{label} has {problem.n_spins} spins{layers}, {problem.n_couplings} couplings, root mean square "
        f"{np.sqrt(np.mean(problem.edges.couplings**2)):.3g}, {fields}."
    )


def _temperatures(numbers: Numbers) -> str:
    unit, text = numbers.unit, _by_formula(numbers)
    left_out = ", fields left out" if numbers.problem.fields.any() else ""
    if math.isnan(numbers.tap):
        return f"{text}{left_out}. There are too many spins for the TAP equations."
    text += (
        f"{left_out}. By the TAP equations of its own couplings, the paramagnet becomes unstable at T = "
        f"{numbers.tap:.3g}, {numbers.tap / unit:.3g} T_c"
    )
    if (n := len(numbers.tap_shuffled)) > 1:
        mean, spread = numbers.tap_shuffled.mean(), numbers.tap_shuffled.std(ddof=1)
        p_value = told_student(
            float(student_p_value(np.array(numbers.tap), np.zeros(()), numbers.tap_shuffled))
        )
        among = f"{mean:.3g} with a standard deviation of {spread:.2g} ({p_value})"
        text += f"; that of {n} shuffles at {among}"
    return f"{text}."


def _by_formula(numbers: Numbers) -> str:
    unit, formula = numbers.unit, numbers.formula
    if not numbers.is_initial_known:
        return f"Couplings of its own variances with signs at random freeze at T_c = {formula:.3g} (formula)"
    return (
        f"Its architecture, as it is initialised, freezes at T_c = {unit:.3g} (formula); couplings of its "
        f"own variances with signs at random would at T = {formula:.3g}, {formula / unit:.3g} T_c"
    )


def _spectra(numbers: Numbers) -> Iterator[str]:
    p_values = corrected([one.p_shuffled for one in numbers.pieces])
    several = _is_several(p_values)
    for one, p_shuffled in zip(numbers.pieces, p_values, strict=True):
        if math.isnan(one.top):
            continue
        if one.spectrum is None:
            yield (
                f"The largest eigenvalue of its couplings is {one.top:.3g} times their root mean square"
                f"{_beside(one, p_shuffled, several)}; they are no full matrix, so that there is no edge by "
                "formula."
            )
            continue
        yield _of_matrix(one, p_shuffled, several)


def _is_several(p_values: Sequence[float]) -> bool:
    """Whether there was anything to correct for."""
    return sum(map(math.isfinite, p_values)) > 1


def _of_matrix(one: PieceNumbers, p_shuffled: float, several: bool) -> str:
    spectrum = one.spectrum
    assert spectrum is not None  # whoever calls has looked
    rows, columns = spectrum.shape
    earlier, _, later = one.piece.name.partition(BETWEEN)
    head = f"Of the weights between {earlier} and {later} ({rows} x {columns}), "
    edge = "the edge of Marchenko and Pastur"
    n, first = spectrum.n_outliers, float(spectrum.p_values[0])
    if n:
        verb = "lies" if n == 1 else "lie"
        text = (
            f"{n} of {len(spectrum.eigenvalues)} eigenvalues {verb} beyond {edge}, the largest "
            f"{spectrum.eigenvalues[0] / spectrum.upper:.3g} times it, in units of the variance without them "
            f"(Tracy-Widom, {told_p(first)} for the first)"
        )
    else:
        text = f"no eigenvalue stands out of {edge} (Tracy-Widom, {told_p(first)} for the largest)"
    beside = _beside(one, p_shuffled, several, "In units of the mean square of all weights, the largest is ")
    return f"{head}{text}{beside}."


def _beside(one: PieceNumbers, p_shuffled: float, several: bool, head: str = "") -> str:
    told = told_student(p_shuffled) + (_CORRECTED if several else "")
    n = len(one.shuffled)
    if n < 2:
        return ""
    of = f"{one.shuffled.mean():.3g} with a standard deviation of {one.shuffled.std(ddof=1):.2g}"
    if head:
        return f". {head}{one.top:.3g}, that of {n} shuffles {of} ({told})"
    return f", that of {n} shuffles {of} ({told})"


def _distributions(numbers: Numbers) -> Iterator[str]:
    tested = [one for one in numbers.pieces if one.fitted is not None]
    of_initial = corrected([math.nan if t.initial is None else t.initial.p_value for t in tested])
    of_fitted = corrected([math.nan if t.fitted is None else t.fitted.p_value for t in tested])
    for one, initial_p, fitted_p in zip(tested, of_initial, of_fitted, strict=True):
        if one.initial is None:
            known, rejected = "", False
        else:
            outside = one.initial.n_outside
            beyond = f", beyond which {outside} of them lie" if outside else ""
            known = (
                f"between -{one.initial.high:.3g} and {one.initial.high:.3g}, where they were initialised"
                f"{beyond} ({told_p(initial_p)})"
            )
            rejected = initial_p <= LEVEL
        fitted = one.fitted
        assert fitted is not None  # those alone are tested
        own = f"between their own ends, {fitted.low:.3g} and {fitted.high:.3g} ({told_p(fitted_p)})"
        what = _told_piece(one.piece.name, len(one.piece.values))
        test = "Kolmogorov-Smirnov" + (_CORRECTED if _is_several(of_fitted) else "")
        yield _of_uniform(what, known, rejected, own, fitted_p <= LEVEL, test)


def _told_piece(name: str, n: int) -> str:
    """``The 5 fields``, or ``The 320 couplings between layer 1 and layer 2``."""
    earlier, _, later = name.partition(BETWEEN)
    return f"The {n} {name}" if not later else f"The {n} couplings between {earlier} and {later}"


def _of_uniform(what: str, known: str, is_known_out: bool, own: str, is_own_out: bool, test: str) -> str:
    if not known:
        verb = "are not uniform" if is_own_out else "cannot be told from uniform ones"
        return f"{what} {verb} {own}, {test}."
    if is_known_out and is_own_out:
        return f"{what} are not those of a uniform initialisation, neither {known} nor {own}, {test}."
    if is_known_out:
        return f"{what} are not uniform {known}, but cannot be told from uniform ones {own}, {test}."
    if is_own_out:
        return f"{what} cannot be told from uniform ones {known}, but are not {own}, {test}."
    return f"{what} cannot be told from those of a uniform initialisation, neither {known} nor {own}, {test}."


# -- overlaps ------------------------------------------------------------------------------------


def _curve(label: str, one: Against, unit: float, several: bool) -> str:
    n, of = one.n_draws, f"its {one.n_draws} {NULLS[one.role]}"
    head = f"With {one.backend}, mean |q| of {label}" if several else f"Mean |q| of {label}"
    counted, k = int(one.counts.sum()), one.farthest
    left_out = int((~one.is_sure).sum())
    doubt = f"; {left_out} more are left out, where replicas disagree" if left_out else ""
    if k is None:
        why = "replicas disagree at all temperatures" if left_out else f"{n} draws are too few"
        return f"{head} is held against {of} without a verdict: {why}."
    values = (
        f"{with_error(one.own[k], one.own_error[k])} against {one.draws[:, k].mean():.3f} with a standard "
        f"deviation of {one.draws[:, k].std(ddof=1):.2g} at {at_temperature(one.temperature[k])} "
        f"({one.temperature[k] / unit:.3g} T_c), {told_student(float(one.p_values[k]))}"
    )
    if not one.differs.any():
        text = (
            f"cannot be told from that of {of} at any of {counted} temperatures{doubt}; the largest "
            f"difference is {values}"
        )
    else:
        sides = [
            f"{side} them {ranges(one.temperature, one.differs & sign)}"
            for side, sign in (
                ("above", one.own > one.draws.mean(axis=0)),
                ("below", one.own <= one.draws.mean(axis=0)),
            )
            if (one.differs & sign).any()
        ]
        text = (
            f"differs from that of {of} at {int(one.differs.sum())} of {counted} temperatures{doubt}, "
            f"{' and '.join(sides)}; the largest difference is {values}"
        )
    return f"{head} {text} (corrected for the temperatures). {_rank(one)}"


def _rank(one: Against) -> str:
    """What the rank alone shows, and what it could."""
    n, p = one.n_draws, one.rank_p
    if p * (n + 1) < 1.5:
        return (
            f"Of all {n + 1} curves it lies farthest from the others, p = {p:.2g}, the least that {n} draws "
            "can show."
        )
    return f"By the rank of its curve among all {n + 1}, {told_p(p)}."


def density_sentence(label: str, one: Densities) -> str:
    """P(q) beside that of the draws, or that nothing is said of it."""
    n, moments = len(one.draws), one.moments()
    beside = f"P(q) of {label} at {at_temperature(one.temperature)} beside {n} draws of {one.label}"
    if not one.is_sure:
        return f"{beside} is without a verdict: replicas of the one or of some of the others disagree there."
    parts = []
    for name, (own, draws, p) in moments.items():
        spread = f"with a standard deviation of {draws.std(ddof=1):.2g} ({told_student(p)})"
        parts.append(f"{name} {own:.3f} against {draws.mean():.3f} {spread}")
    least = ", the least that they can show" if one.rank_p * (n + 1) < 1.5 else ""
    rank = f"by the rank of its distance from the others p = {one.rank_p:.2g}{least}"
    return f"{beside}: {_listed(parts)}; {rank}."


def verdicts_of(label: str, found: Sequence[Against], unit: float) -> list[Verdict]:
    """A cell of the matrix for each backend: like its controls or not."""
    verdicts = []
    for backend in dict.fromkeys(one.backend for one in found):
        own = [one for one in found if one.backend == backend]
        words = []
        for one in own:
            name = NULLS[one.role]
            words.append(
                f"open: {name}" if one.farthest is None
                else f"{'unlike' if one.differs.any() else 'like'} {name}"
            )  # fmt: skip
        detail = _curve(label, own[0], unit, False)
        verdicts.append(Verdict(label, backend, ", ".join(words), Tone.OPEN, detail))
    return verdicts


def notes_of(numbers: Numbers, found: Sequence[Against]) -> list[str]:
    """How it was tested, and what draws of this number can show."""
    n = min((one.n_draws for one in found), default=0)
    architecture = (
        "the architecture freeze as they are initialised"
        if numbers.is_initial_known
        else "the model would freeze with signs at random"
    )
    least = f" Of {n} draws it is no less than 1/{n + 1} = {1 / (n + 1):.2g}." if n else ""
    return [
        "A model is held against draws of its controls at every temperature at which the replicas of all of "
        "them agree. Student's t of one observation beside n draws takes them as normal, of which a few "
        "draws tell little in the tails: p-values below 0.001 stand in the tables alone. Draws that agree to "
        "less than the standard error of the model count as scattered by that. The p-values of a curve are "
        "corrected for the number of its temperatures (Holm), those of eigenvalues and of distributions for "
        f"the number of pieces, where they say so; those of T_c, of Tracy and Widom and of P(q) are not: "
        f"each is of a test of its own. {LEVEL:g} or less counts as a difference. The p-value of a rank "
        "takes nothing for granted: the share of all curves, the model's included, that lie as far from the "
        f"others.{least}",
        "Spectra are of W^T W / n, n the longer side, in units of the variance without outliers; these are "
        "counted one by one from the largest on. T_c is the temperature at which the couplings of "
        f"{architecture}, by the largest eigenvalue of the matrix of their variances; fields are left out, "
        "and on sparse graphs it is that of mean-field theory, which is too high.",
    ]
