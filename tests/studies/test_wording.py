"""Numbers and lists as people write them."""

from __future__ import annotations

import numpy as np
import pytest

from qspin.studies.wording import ranges, with_error


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.66731, 0.0042, "0.667(4)"),
        (12.3, 1.4, "12.3(1.4)"),
        (0.5, np.nan, "0.500"),
        (0.5, 0.0096, "0.50(1)"),
        (2.3456e-12, 3.1e-14, "2.35(3)e-12"),
        (0.0, 1e-17, "0.000"),
    ],
)
def test_digits_follow_the_error(value, error, text):
    assert with_error(value, error) == text


def test_neighbouring_temperatures_are_a_range():
    t = np.array([0.3, 0.5, 1.0, 4.0])
    assert ranges(t, np.array([True, True, False, True])) == "at T = 0.3 to 0.5, 4"
