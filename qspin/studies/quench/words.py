"""What quenches say, in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from qspin.studies.quench.errors import Error, lines_of
from qspin.studies.quench.found import Found
from qspin.studies.quench.kinks import Kinks
from qspin.studies.quench.scaling import Scaled
from qspin.studies.series import told
from qspin.studies.wording import some, with_error
from qspin.study import Finding, Tone, Verdict

__all__ = ["findings", "notes", "verdicts"]

_NOTES = (
    "The correlation error ε is [Σ (c − r)² / Σ r²]^(1/2) over pairs of spins, c = ⟨s s'⟩ of the reads and r "
    "that of the exact state. Finite reads add their noise to it: sums of squares are therefore taken over "
    "pairs of different blocks of reads, which leaves ε² without that bias, and errors are by jackknife "
    "over blocks; of several instances ε is the root of the mean of ε², with errors over instances. “As "
    "read” is ε without any of this, beside what as many reads of the exact state show (a gamma "
    "distribution with the mean and the variance of its blocks of reads).",
    "A sampler without a quench time of its own is held against the exact state at every time, at each with "
    "the best of its settings: how long its dynamics must run to look like a quench of that time is no "
    "prediction of it, so the comparison is in its favour.",
)


def findings(found: Found, tolerance: float) -> Iterator[Finding]:
    """Who follows until when, what the reads of the exact state show, exponents, kinks."""
    if not found.errors:
        yield Finding(
            "No samples come with the exact correlations of the state that they are drawn from, and no "
            "reference is named: correlation errors cannot be told.",
            1.2,
        )
    for (problem, backend), line in lines_of(found.errors).items():
        yield (
            _exact_reads(problem, line)
            if line[0].is_reference
            else _follows(problem, backend, line, tolerance)
        )
    for own in found.scaled:
        yield _collapse(own)
    yield from _kinks(found.kinks, found)
    for reason in found.reasons:
        yield Finding(f"{reason[0].upper()}{reason[1:]}.", 0.4)


def notes(found: Found) -> Iterator[str]:
    if found.errors:
        yield from _NOTES
    if found.scaled:
        yield (
            "U = (3 − [⟨q⁴⟩] / [⟨q²⟩]²) / 2 with averages over instances; its collapse is a function of "
            "t L^−μ, μ = z + 1/ν, its error by bootstrap over instances. Small sizes bend away from the "
            "common curve: exponents of a few small sizes are those of these sizes."
        )
    if found.theories:
        yield (
            "The Kibble-Zurek law counts what slow quenches leave on a long ring; a finite one has an even "
            "number of kinks, and none of them once the quench is slower than its smallest gap."
        )


def _time(error: Error) -> str:
    return "at any time" if math.isnan(error.time) else f"at {error.time:.4g} ns"


def _follows(problem: str, backend: str, line: Sequence[Error], tolerance: float) -> Finding:
    """Where the error is within the tolerance, and what it is at both ends."""
    within = [e for e in line if e.high <= tolerance]
    beyond = [e for e in line if e.low > tolerance]
    if len(within) == len(line):
        verdict = f"follows the exact state within {tolerance:.0%}"
    elif len(beyond) == len(line):
        verdict = f"does not follow the exact state within {tolerance:.0%}"
    elif within:
        verdict = f"follows the exact state within {tolerance:.0%} {some(map(_time, within), 6)} and no more"
    else:
        verdict = f"may or may not follow the exact state within {tolerance:.0%}: more reads would tell"
    ends = [line[0], *([line[-1]] if len(line) > 1 else [])]
    values = " and ".join(f"{_value(e)} {_time(e)}{_setting(e)}" for e in ends)
    return Finding(f"{problem}: {backend} {verdict}. ε is {values}.", 1.8 if within else 1.5)


def _value(error: Error) -> str:
    if error.squared <= 0:
        return f"below {error.high:.2g}"
    return with_error(error.value, (error.high - error.low) / 4)


def _setting(error: Error) -> str:
    chosen = ", ".join(f"{k} = {told(v)}" for k, v in error.state.settings.items())
    return f" ({chosen})" if chosen else ""


def _exact_reads(problem: str, line: Sequence[Error]) -> Finding:
    """Reads of the exact state against the state itself: what finite reads alone do."""
    worst = max(line, key=lambda e: e.raw)
    known = [e.p_value for e in line if math.isfinite(e.p_value)]
    test = f"; the smallest of {len(known)} p-values is {min(known):.2g}" if known else ""
    return Finding(
        f"{problem}: reads of the exact state itself ({line[0].state.backend}) are {worst.raw:.2g} away from "
        f"it as read, where {worst.null:.2g} is expected of as many, and {_value(worst)} without their "
        f"noise{test}.",
        0.9,
    )


def _collapse(own: Scaled) -> Finding:
    head = f"Binder ratios of {own.family} with {own.sampler}, sizes {some(map(str, sorted(own.curves)), 6)},"
    if own.collapse is None:
        return Finding(f"{head} do not collapse: {own.reason}.", 0.6)
    return Finding(
        f"{head} fall onto one curve over t L^−μ with μ = {with_error(own.collapse.mu, own.collapse.error)}, "
        f"at a mean squared distance of {own.collapse.quality:.2g} in units of their errors.",
        1.6,
    )


def _kinks(kinks: Sequence[Kinks], found: Found) -> Iterator[Finding]:
    """The longest quench of each sampler on each ring."""
    longest: dict[tuple[str, str], Kinks] = {}
    for k in kinks:
        if k.state.is_time and k.state.time is not None:
            key = k.state.problem_name, k.state.backend_name
            if key not in longest or k.state.time > (longest[key].state.time or 0.0):
                longest[key] = k
    for (problem, backend), k in longest.items():
        beside = [
            f"{value:.4f} by {line.name}"
            for line in found.theories
            if line.place == k.state.place and (value := line.at(k.state.time)) is not None
        ]
        theory = f"; {', '.join(beside)}" if beside else ""
        yield Finding(
            f"{problem}: {backend} leaves {with_error(k.value, k.error)} kinks a spin after "
            f"{k.state.time:.4g} ns{theory}.",
            1.3,
        )


def verdicts(errors: Sequence[Error], tolerance: float) -> Iterator[Verdict]:
    """The error at the longest time of every sampler on every problem."""
    for line in lines_of([e for e in errors if not e.is_reference]).values():
        last = line[-1]
        tone = Tone.GOOD if last.high <= tolerance else Tone.BAD if last.low > tolerance else Tone.OPEN
        yield Verdict(
            last.state.problem, last.state.backend, f"ε {_value(last)}", tone,
            f"Correlation error against the exact state {_time(last)}{_setting(last)}.",
        )  # fmt: skip
