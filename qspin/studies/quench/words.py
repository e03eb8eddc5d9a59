"""What quenches say, in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from qspin.studies.quench.errors import Error, lines_of
from qspin.studies.quench.found import Found
from qspin.studies.quench.kinks import Kinks
from qspin.studies.quench.records import Steps
from qspin.studies.quench.scaling import Scaled
from qspin.studies.series import told
from qspin.studies.wording import some, with_error
from qspin.study import Finding, Tone, Verdict

__all__ = ["bottom_line", "findings", "notes", "verdicts"]

_RARE = 0.05
_LONG = 1.0  # rad, of a Trotter step
_APART = 4.0  # squared errors from the common curve, on average, beyond which there is none
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
    lines = lines_of([e for e in found.errors if not e.is_reference])
    for problem in dict.fromkeys(problem for problem, _ in lines):
        of_problem = {backend: line for (name, backend), line in lines.items() if name == problem}
        yield _who_follows(problem, of_problem, tolerance)
    yield from (_steps(own) for own in found.steps)
    yield from _exact_reads([e for e in found.errors if e.is_reference])
    yield from (_collapse(scaled) for scaled in found.scaled if scaled.collapse is not None)
    yield from _not_collapsed([own for own in found.scaled if own.collapse is None])
    yield from _kinks(found.kinks, found)
    for (problem, backend), line in lines.items():
        yield _ends(problem, backend, line)
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
            "number of kinks, and none of them once the quench is slower than its smallest gap. It is told "
            "where it leaves the ring one kink and a half or more, and at most one on ten spins."
        )
    if found.steps:
        yield (
            "Steps a ns are those in which circuits take a quench apart. Their error is in the correlation "
            "error of such a sampler, and falls with the square of the angle by which a step turns a spin."
        )


def _who_follows(problem: str, lines: Mapping[str, Sequence[Error]], tolerance: float) -> Finding:
    """Of every sampler the times at which it is within the tolerance, beyond it, or neither for sure."""
    within, beyond, unsure = [], [], []
    for backend, line in lines.items():
        good = [e for e in line if e.high <= tolerance]
        bad = [e for e in line if e.low > tolerance]
        if good:
            within.append(f"{backend} {_times(good, line)}")
        elif len(bad) == len(line):
            beyond.append(backend)
        else:
            unsure.append(backend)
    parts = []
    if within:
        parts.append(f"Within {tolerance:.0%} of the exact state: {'; '.join(within)}")
    if beyond:
        parts.append(f"Beyond {tolerance:.0%} at every time: {', '.join(beyond)}")
    if unsure:
        parts.append(f"Not for sure within {tolerance:.0%} at any time: {', '.join(unsure)}")
    return Finding(f"{problem}: {'. '.join(parts)}.", 1.8)


def _times(chosen: Sequence[Error], line: Sequence[Error]) -> str:
    """Those of some errors of a line."""
    if len(chosen) == len(line):
        return "at every time"
    if math.isnan(chosen[0].time):
        return "at any time"
    return f"at {', '.join(f'{e.time:.4g}' for e in chosen)} ns"


def _time(error: Error) -> str:
    return "at any time" if math.isnan(error.time) else f"at {error.time:.4g} ns"


def _ends(problem: str, backend: str, line: Sequence[Error]) -> Finding:
    """The error at the first and the last time."""
    ends = [line[0], *([line[-1]] if len(line) > 1 else [])]
    values = " and ".join(f"{_value(e)} {_time(e)}{_setting(e)}" for e in ends)
    return Finding(f"{problem}: ε of {backend} is {values}.", 0.7)


def _value(error: Error) -> str:
    if error.squared <= 0:
        return f"below {error.high:.2g}"
    return with_error(error.value, (error.high - error.low) / 4)


def _setting(error: Error) -> str:
    chosen = ", ".join(f"{k} = {told(v)}" for k, v in error.state.settings.items())
    return f" ({chosen})" if chosen else ""


def _exact_reads(errors: Sequence[Error]) -> Iterator[Finding]:
    """Reads of the exact state against the state itself: what finite reads alone do."""
    known = [e for e in errors if math.isfinite(e.p_value)]
    if not known:
        return
    worst = max(known, key=lambda e: e.raw)
    beyond = sum(e.p_value < _RARE for e in known)
    yield Finding(
        f"Reads of the exact state itself are up to {worst.raw:.2g} away from it as read "
        f"({worst.state.problem_name} {_time(worst)}), where {worst.null:.2g} is expected of as many: "
        f"{beyond} of {len(known)} lie beyond what one in twenty would.",
        0.9,
    )


def _collapse(own: Scaled) -> Finding:
    assert own.collapse is not None
    head = f"Binder ratios of {own.family} with {own.sampler}, sizes {_sizes(own)},"
    mu = with_error(own.collapse.mu, own.collapse.error)
    distance = f"a mean squared distance of {own.collapse.quality:.2g} in units of their errors"
    if own.collapse.quality > _APART:
        return Finding(
            f"{head} do not fall onto one curve over t L^−μ: the best exponent, μ = {mu}, leaves {distance}.",
            0.8,
        )
    return Finding(f"{head} fall onto one curve over t L^−μ with μ = {mu}, at {distance}.", 1.6)


def _sizes(own: Scaled) -> str:
    return some(map(str, sorted(own.curves)), 6)


def _not_collapsed(scaled: Sequence[Scaled]) -> Iterator[Finding]:
    """Once a reason."""
    for reason in dict.fromkeys(own.reason for own in scaled):
        who = some((f"{own.family} with {own.sampler}" for own in scaled if own.reason == reason), 6)
        yield Finding(f"No collapse of Binder ratios of {who}: {reason}.", 0.6)


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
            f"{problem}: {backend} leaves {_density(k)} after {k.state.time:.4g} ns{theory}.",
            1.3,
        )


def _density(kinks: Kinks) -> str:
    if math.isfinite(kinks.limit):
        return f"no kink in its reads, at most {kinks.limit:.2g} a spin (95 %),"
    return f"{with_error(kinks.value, kinks.error)} kinks a spin"


def _steps(own: Steps) -> Finding:
    turned = f"{own.backend} takes {own}, of which one turns a spin by up to {own.angle:.2g} rad"
    if own.angle > _LONG:
        return Finding(f"{turned}: its errors are those of its steps too, not of the gates alone.", 1.7)
    return Finding(f"{turned}.", 0.6)


def bottom_line(errors: Sequence[Error], tolerance: float) -> Finding | None:
    """On which problems each sampler is within the tolerance after the longest quench."""
    last: dict[str, list[tuple[str, Error]]] = {}
    for (problem, backend), line in lines_of([e for e in errors if not e.is_reference]).items():
        last.setdefault(backend, []).append((problem, line[-1]))
    if not last:
        return None
    told = [
        f"{backend} on {sum(e.high <= tolerance for _, e in own)} of {len(own)}"
        for backend, own in last.items()
    ]
    return Finding(
        "What a quench leaves is no ensemble in equilibrium and has no temperature. After the longest one, "
        f"within {tolerance:.0%} of the exact state: {', '.join(told)} problems.",
        1.5,
    )


def verdicts(errors: Sequence[Error], tolerance: float) -> Iterator[Verdict]:
    """The error at the longest time of every sampler on every problem; of several under one label that of
    the farthest, and in the detail of all."""
    last: dict[tuple[str, str], list[Error]] = {}
    for line in lines_of([e for e in errors if not e.is_reference]).values():
        state = line[-1].state
        last.setdefault((state.problem, state.backend), []).append(line[-1])
    for (problem, backend), own in last.items():
        worst = max(own, key=lambda e: e.squared)
        tones = [_tone(e, tolerance) for e in own]
        tone = next((t for t in (Tone.BAD, Tone.OPEN) if t in tones), Tone.GOOD)
        where = f", {_sizes_at(worst)}" if len(own) > 1 else ""
        detail = "; ".join(
            f"{f'{_sizes_at(e)}: ' if len(own) > 1 else ''}ε {_value(e)} {_time(e)}{_setting(e)}" for e in own
        )
        yield Verdict(
            problem, backend, f"ε {_value(worst)} {_time(worst)}{where}", tone,
            f"Correlation error against the exact state: {detail}.",
        )  # fmt: skip


def _tone(error: Error, tolerance: float) -> Tone:
    return Tone.GOOD if error.high <= tolerance else Tone.BAD if error.low > tolerance else Tone.OPEN


def _sizes_at(error: Error) -> str:
    """Which of the problems of a label."""
    return ", ".join(f"{k} = {told(v)}" for k, v in error.state.where.items())
