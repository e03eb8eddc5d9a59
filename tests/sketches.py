"""Figures whose panels are drawn, and neither laid out nor written: half a second each that tests of what is
done around them need not wait for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["SKETCHED"]


def _panels_alone(figure: Any) -> None:
    from matplotlib.figure import Figure

    axes = Figure().subplots(len(figure.panels), squeeze=False).flat
    for panel, ax in zip(figure.panels, axes, strict=True):
        panel(ax)


SKETCHED: dict[str, Callable[[Any], Any]] = {
    "_laid_out": _panels_alone,
    "_svg": lambda _: b'<svg xmlns="http://www.w3.org/2000/svg"></svg>',
    "_pdf": lambda _: b"%PDF-1.4",
}
"""What stands in for functions of `qspin.plot.canvas`."""
