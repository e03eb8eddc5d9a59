"""The content of an instance file, bounded, and its lines with the way to complain about them."""

from __future__ import annotations

import codecs
import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from qspin.archives import file_content, unzipped
from qspin.errors import CapacityError, InputError
from qspin.memory import require_spins
from qspin.problem import IsingProblem

__all__ = ["Entry", "Row", "Source", "from_entries"]

_FREE_SPINS = 10**6  # that a file may claim beside those that it has room to name
_UTF16 = codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE

Entry = tuple[int, int, float]
"""(i, j, value): a coupling, or a field where i and j are the same."""


class Source(NamedTuple):
    """An instance file in memory, unpacked if it was packed by gzip."""

    path: Path
    content: bytes

    @classmethod
    def of(cls, path: Path) -> Source:
        """Raises InputError if it cannot be read."""
        return cls(path, unzipped(file_content(path), path))

    def text(self) -> str:
        """As UTF-8, without a byte order mark.

        Raises
        ------
        InputError
            If it is no text, or text of another encoding.
        """
        if self.content.startswith(_UTF16):
            raise InputError(
                f"{self.path} is not a text file in UTF-8, but begins as UTF-16 does: convert it"
            )
        try:
            return self.content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise InputError(f"{self.path} is not a text file") from None

    def rows(self, comment: str = "#") -> Iterator[Row]:
        """Lines that are neither blank nor a comment."""
        for number, line in enumerate(io.StringIO(self.text(), newline=None), start=1):
            if (text := line.strip()) and not text.startswith(comment):
                yield Row(self.path, number, text)

    def require_spins(self, n_spins: int, n_entries: int) -> None:
        """Refuse more spins than such a file can be about, before memory is taken.

        Raises
        ------
        CapacityError
            If it claims a million spins more than it has bytes, or would not fit in memory.
        """
        most = _FREE_SPINS + len(self.content)
        if n_spins > most:
            raise CapacityError(
                f"{self.path} claims {_magnitude(n_spins)} spins in {len(self.content)} bytes; such a file "
                f"may have {most} at most. Number the spins that it couples from 0 on, without gaps"
            )
        require_spins(n_spins, n_entries)


class Row(NamedTuple):
    """One line of a text file that is neither blank nor a comment, and how to complain about it."""

    path: Path
    number: int
    text: str

    def error(self, message: str) -> InputError:
        came = self.text if len(self.text) <= 60 else self.text[:57] + "..."
        return InputError(f"{self.path}, line {self.number}: {message}; got {came!r}")

    @property
    def words(self) -> list[str]:
        return self.text.split()

    def integer(self, word: str, what: str) -> int:
        try:
            return int(word)
        except ValueError:
            raise self.error(f"expected {what} as an integer") from None

    def real(self, word: str, what: str) -> float:
        try:
            value = float(word)
        except ValueError:
            raise self.error(f"expected {what}") from None
        if not math.isfinite(value):
            raise self.error("expected a finite value")
        return value

    def entry(self, *, default: float | None = None) -> Entry:
        """``i j value``; the value may be left out where there is a default."""
        words = self.words
        if len(words) == 2 and default is not None:
            words = [*words, str(default)]
        if len(words) != 3:
            raise self.error("expected 'i j value'" + (", cut short?" if len(words) < 3 else ""))
        i, j = (self.integer(word, "a spin number") for word in words[:2])
        return i, j, self.real(words[2], "a number as the third value")


def from_entries(source: Source, n: int, entries: list[Entry]) -> IsingProblem:
    """A problem from (i, j, J) counted from 0, diagonal entries as fields."""
    source.require_spins(n, len(entries))
    i, j, values = (np.array(column) for column in zip(*entries, strict=True)) if entries else ([], [], [])
    i, j, values = np.asarray(i, int), np.asarray(j, int), np.asarray(values, float)
    pair = i != j
    fields = np.bincount(i[~pair], weights=values[~pair], minlength=n) if n else None
    return IsingProblem.from_edges(n, i[pair], j[pair], values[pair], fields)


def _magnitude(number: int) -> str:
    return str(number) if number < 10**12 else f"about 10^{int(number.bit_length() * math.log10(2))}"
