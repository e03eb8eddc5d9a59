"""How far a run is, for people: a picture made of events, on a terminal, in a notebook, or from a log."""

from qspin.showing.log import LOG, logged
from qspin.showing.suitable import progress
from qspin.showing.terminal import Terminal

__all__ = ["LOG", "Terminal", "logged", "progress"]
