"""The reporter that suits the place: bars on a terminal, widgets or text in a notebook, lines elsewhere."""

from __future__ import annotations

import sys

from qspin.showing.notebook import Notebook
from qspin.showing.terminal import Terminal

__all__ = ["progress"]


def progress(name: str = "") -> Terminal | Notebook:
    """A reporter for `qspin.experiment.run_experiment`, shown from the first event to the last.

    Parameters
    ----------
    name : of what is shown

    Examples
    --------
    ``run_experiment(config, folder, reporter=progress())``
    """
    return Notebook(name) if _in_notebook() else Terminal(name)


def _in_notebook() -> bool:
    """Whether a Jupyter kernel runs this; a shell of IPython is a terminal."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and getattr(shell, "kernel", None) is not None
