"""Data of zeros and ones, which Boltzmann machines learn. Nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError, nearest_name
from qspin.networks.training.datasets import made_with
from qspin.validate import checked_count

__all__ = ["BINARY", "BinaryData", "Bits", "bars_and_stripes", "binary_data", "binary_digits"]

Bits = NDArray[np.int8]

_MOST_LINES = 10  # 2^11 images of 100 pixels
_HALF = 8  # digits have 17 grey levels, 0 to 16


@dataclass(frozen=True)
class BinaryData:
    """Images in black and white, as rows of bits, by what has to be known of them before any is loaded.

    Parameters
    ----------
    shape : height and width of an image
    n_rows : in all
    load : gives them, int8 (n_rows, n_visible), row by row of the image
    has_test : whether a fifth is for testing; else all is learned
    """

    shape: tuple[int, int]
    n_rows: int
    load: Callable[[], Bits]
    has_test: bool

    @property
    def n_visible(self) -> int:
        """Bits of a row."""
        return self.shape[0] * self.shape[1]

    def split(self, seed: int) -> tuple[Bits, Bits | None]:
        """What is learned and what is for testing, drawn by a seed."""
        rows = self.load()
        if not self.has_test:
            return rows, None
        order = np.random.default_rng(seed).permutation(len(rows))
        n_test = -(-len(rows) // 5)
        return rows[order[n_test:]], rows[order[:n_test]]


def bars_and_stripes(n: int = 3) -> Bits:
    """All n x n images of full rows, and all of full columns: 2^(n+1) rows of n^2 bits, int8.

    The empty and the full image are both and come twice, so they are twice as likely (MacKay 2003, ch. 43).
    No model makes a row likelier than -(n + 1) ln 2 + 2^(1-n) ln 2 on average: for n = 3, -41.589 in all.

    Raises
    ------
    InputError
        If n is not between 1 and 10.

    Examples
    --------
    >>> rows = bars_and_stripes(2)
    >>> rows.shape, rows.sum(axis=1).tolist()
    ((8, 4), [0, 2, 2, 4, 0, 2, 2, 4])
    """
    n = _checked_lines(n)
    lines = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    stripes = np.repeat(lines, n, axis=1)
    bars = np.tile(lines, n)
    return np.concatenate([stripes, bars]).astype(np.int8)


def binary_digits() -> Bits:
    """The 1797 handwritten 8x8 digits of scikit-learn, int8 (1797, 64): 1 where a pixel has at least 8 of its
    16 grey levels.

    Raises
    ------
    MissingExtraError
        If scikit-learn is not installed.
    """
    from qspin.networks.training.datasets import data_set

    images, _ = data_set("digits").load()
    return (16 * images >= _HALF).astype(np.int8)


def _bars_and_stripes(size: int = 3) -> BinaryData:
    n = _checked_lines(size, "size")
    return BinaryData((n, n), 2 ** (n + 1), lambda: bars_and_stripes(n), has_test=False)


def _digits() -> BinaryData:
    return BinaryData((8, 8), 1797, binary_digits, has_test=True)


BINARY: Mapping[str, Callable[..., BinaryData]] = {
    "bars_and_stripes": _bars_and_stripes,
    "digits": _digits,
}
"""Name -> maker of `BinaryData`, from the options that it takes."""


def binary_data(name: str, **options: Any) -> BinaryData:
    """Data by name: ``bars_and_stripes`` (`size`), ``digits``; an option that is None is not given.

    Raises
    ------
    InputError
        For an unknown name, or an option that the data do not take.
    """
    if name not in BINARY:
        raise InputError(f"no binary data {name!r}: {nearest_name(name, BINARY)}", key=("dataset",))
    return made_with(BINARY[name], f"the data {name} have", options)


def _checked_lines(n: int, what: str = "n") -> int:
    n = checked_count(n, what, least=1)
    if n > _MOST_LINES:
        raise InputError(f"bars and stripes have at most {_MOST_LINES} lines; got {what} = {n}")
    return n
