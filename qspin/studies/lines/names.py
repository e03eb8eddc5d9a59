"""Names of what theory adds to measured results."""

from __future__ import annotations

__all__ = ["BRANCH", "DEVIATION", "MARK", "REMARKS", "THEORY", "is_line", "measured_name"]

THEORY = "theory_"
"""What the name of a variable begins with that holds the line of another one."""

BRANCH = "__"
"""Between the name of a variable and that of a state, of the line of that state beside the first one."""

DEVIATION = "deviation_"
"""And that of its distance from the line, in standard errors of the measured point."""

REMARKS = f"{THEORY}remarks"
"""Attribute of a result with lines: what is to be known of the theory, as `qspin.remarks.stored` has it."""

MARK = f"{THEORY}mark"
"""Variable over ``mark``, the symbols of temperatures that theory knows: these temperatures; beside it their
``_error``, and ``_told``, what is there."""


def measured_name(line: str) -> str:
    """Of the variable beside which a line stands.

    Examples
    --------
    >>> measured_name("energy"), measured_name("energy__retrieval")
    ('energy', 'energy')
    """
    return line.partition(BRANCH)[0]


def is_line(name: str) -> bool:
    """Whether a variable belongs to another one, as its line or its distance from that."""
    return name.startswith((THEORY, DEVIATION))
