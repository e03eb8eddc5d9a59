"""Numbers as people read them: durations, speeds, energies."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from qspin.confidential import redacted

__all__ = ["about", "clean", "clock", "figures_told", "rate"]

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


def clock(seconds: float) -> str:
    """Of what goes on.

    Examples
    --------
    >>> clock(7), clock(133), clock(3723), clock(200_000)
    ('0:07', '2:13', '1:02:03', '2 d 7:33')
    """
    whole = int(max(0.0, seconds))
    days, rest = divmod(whole, int(_DAY))
    if days:
        return f"{days} d {rest // 3600}:{rest % 3600 // 60:02}"
    if whole >= _HOUR:
        return f"{whole // 3600}:{whole % 3600 // 60:02}:{whole % 60:02}"
    return f"{whole // 60}:{whole % 60:02}"


def about(seconds: float) -> str:
    """Of what is to come, in words.

    Examples
    --------
    >>> about(0.3), about(42.4), about(850), about(19_000), about(400_000)
    ('1 s', '42 s', '14 min', '5 h 17 min', '5 days')
    """
    if seconds < 1.5 * _MINUTE:
        return f"{max(1, round(seconds))} s"
    if seconds < 1.5 * _HOUR:
        return f"{round(seconds / _MINUTE)} min"
    if seconds < 2 * _DAY:
        hours, minutes = divmod(round(seconds / _MINUTE), 60)
        return f"{hours} h {minutes} min" if hours < 10 and minutes else f"{round(seconds / _HOUR)} h"
    return f"{round(seconds / _DAY)} days"


def rate(per_second: float, what: str) -> str:
    """A speed in the unit in which it can be read.

    Examples
    --------
    >>> rate(1_234_567, "sweeps"), rate(46.2, "sweeps"), rate(0.004, "sweeps")
    ('1.23 M sweeps/s', '46.2 sweeps/s', '14.4 sweeps/h')
    """
    for size, prefix in ((1e12, "T "), (1e9, "G "), (1e6, "M "), (1e3, "k ")):
        if per_second >= 0.9995 * size:
            return f"{_three(per_second / size)} {prefix}{what}/s"
    for factor, unit in ((1.0, "s"), (_MINUTE, "min"), (_HOUR, "h")):
        if per_second * factor >= 1 or unit == "h":
            return f"{_three(per_second * factor)} {what}/{unit}"
    raise AssertionError


def _three(value: float) -> str:
    """Three digits, without exponents where a number is of ordinary size."""
    return f"{value:.3g}" if value < 999.5 else f"{value:.0f}"


def _energy(value: float) -> str:
    return f"E {value:.6g}"


_TOLD: Mapping[str, Callable[[float], str]] = {
    "best_energy": _energy,
    "sweeps_per_second": lambda value: rate(value, "sweeps"),
    "accuracy": lambda value: f"accuracy {100 * value:.1f} %",
    "loss": lambda value: f"loss {value:.3g}",
}


def figures_told(figures: Mapping[str, float]) -> list[str]:
    """What a task has come to, a few words each; figures without words of their own by their names."""
    known = [name for name in _TOLD if name in figures]
    others = [name for name in figures if name not in _TOLD]
    return [
        _TOLD[name](figures[name]) if name in _TOLD else f"{name.replace('_', ' ')} {figures[name]:.4g}"
        for name in [*known, *others]
        if math.isfinite(figures[name])
    ]


def clean(text: str) -> str:
    """One line that moves no cursor and shows no token."""
    return "".join(c if c.isprintable() else " " for c in redacted(" ".join(text.split())))
