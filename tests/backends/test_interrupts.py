"""Ctrl-C in the middle of long work of other libraries; ``QSPIN_INTERRUPTS=1`` tries every backend."""

from __future__ import annotations

import os

import pytest
from interrupts import CASES, heard_after

FEW = ("ocean-simulated-annealing", "annealer-embedding", "qaoa-aer", "exact")
SECONDS = 10.0  # two are aimed at, on a machine that does nothing else


@pytest.mark.parametrize("case", CASES if os.environ.get("QSPIN_INTERRUPTS") else FEW)
def test_it_is_heard(case):
    heard, ended = heard_after(case, 0.5)
    assert heard < SECONDS
    assert ended < 2 * SECONDS


def test_it_is_heard_after_it_was_asked_for():
    heard, ended = heard_after("annealer-embedding", 0.5, asks=True)
    assert heard < SECONDS
    assert ended < 2 * SECONDS
