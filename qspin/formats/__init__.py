"""Instance files: rudy (G-set, Biq Mac), COO, dimod's COO and BQM files, our own npz, and a few of others.

========== ================= =========================================================================
format     suffixes          content
========== ================= =========================================================================
rudy       .rudy .mc .gset   ``n m``, then ``i j w`` with vertices from 1; J_ij = w_ij, no fields
coo        .coo              ``i j J`` from 0, a diagonal entry is a field, a lone first number is N
dimod-coo  .coo              the same with a line ``# vartype=SPIN`` or ``BINARY``; labels are the numbers
bqm        .bqm              dimod's binary file, `dimod.BinaryQuadraticModel.to_file`
npz        .npz              everything, labels and offset included
qbsolv     .qubo .qs         ``p qubo 0 maxNodes nNodes nCouplers``, then ``i j Q_ij`` over x in {0, 1}
mtx        .mtx              Matrix Market: symmetric couplings, coordinates or array
npy        .npy              NumPy: the matrix of couplings
csv        .csv              the matrix of couplings, separated by commas
========== ================= =========================================================================

The last four are read, not written. Any file may be packed by gzip (``.rudy.gz``) and any text begin with a
byte order mark. In rudy files a maximum cut is a ground state: ``cut(s) = (sum of weights - E(s)) / 2``.
Repeated entries of a pair add up in rudy and COO files, as they do in scipy and dimod.

What a file claims is held against its size before memory is taken: no more than a million spins beyond its
number of bytes, and no more than half of the machine's memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from qspin.errors import InputError, nearest_name
from qspin.files import checked_path
from qspin.formats.arrays import read_npy, read_npz, write_npz
from qspin.formats.bqm import read_bqm, write_bqm
from qspin.formats.foreign import read_csv, read_mtx, read_qbsolv
from qspin.formats.source import Source
from qspin.formats.text import (
    read_coo,
    read_dimod_coo,
    read_rudy,
    vartype_of,
    write_coo,
    write_dimod_coo,
    write_rudy,
)
from qspin.problem import IsingProblem

__all__ = ["FORMATS", "read_problem", "write_problem"]

_PACKED = ".gz"


def read_problem(path: str | os.PathLike[str], format: str | None = None) -> IsingProblem:
    """Read an instance file.

    Parameters
    ----------
    path : the file
    format : one of `FORMATS`; default by suffix, and by its comments for ``.coo``

    Raises
    ------
    InputError
        If the file is missing, cut short or malformed; the message names the line.
    CapacityError
        If it claims more spins than such a file, or this machine, can hold.
    """
    file = checked_path(path)
    name = format or _format_of(file)
    if name not in FORMATS:
        raise InputError(f"no format {name!r}: {nearest_name(name, FORMATS)}")
    source = Source.of(file)
    if name == "coo" and format is None and vartype_of(source) is not None:
        name = "dimod-coo"
    return FORMATS[name].read(source)


def write_problem(problem: IsingProblem, path: str | os.PathLike[str], format: str | None = None) -> None:
    """Write an instance file that `read_problem` reads back as an equal problem, whole or not at all.

    Raises
    ------
    InputError
        If the format cannot hold the problem: rudy has no fields, and only bqm and npz keep an offset or
        labels that are not ``0 .. N-1``.
    RunError
        If the file cannot be written.
    """
    target = checked_path(path)
    name = format or _format_of(target)
    if name not in FORMATS:
        raise InputError(f"no format {name!r}: {nearest_name(name, FORMATS)}")
    write = FORMATS[name].write
    if write is None or target.suffix.lower() == _PACKED:
        written = ", ".join(name for name, form in FORMATS.items() if form.write is not None)
        what = "packed files" if write is not None else f"{name} files"
        raise InputError(f"qspin reads {what} but writes none; write one of {written}")
    write(problem, target)


def _format_of(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix == _PACKED:
        suffix = path.with_suffix("").suffix.lower()
    named = [name for name, form in FORMATS.items() if suffix in form.suffixes]
    if not named:
        suffixes = " ".join(suffix for form in FORMATS.values() for suffix in form.suffixes)
        raise InputError(
            f"the format of {path.name!r} does not show in its suffix (known: {suffixes}, also packed as "
            f"{_PACKED}); pass format=, one of {', '.join(FORMATS)}"
        )
    return named[0]


class _Format(NamedTuple):
    suffixes: tuple[str, ...]
    read: Callable[[Source], IsingProblem]
    write: Callable[[IsingProblem, Path], None] | None = None


FORMATS = {
    "rudy": _Format((".rudy", ".mc", ".gset"), read_rudy, write_rudy),
    "coo": _Format((".coo",), read_coo, write_coo),
    "dimod-coo": _Format((), read_dimod_coo, write_dimod_coo),
    "bqm": _Format((".bqm",), read_bqm, write_bqm),
    "npz": _Format((".npz",), read_npz, write_npz),
    "qbsolv": _Format((".qubo", ".qs"), read_qbsolv),
    "mtx": _Format((".mtx",), read_mtx),
    "npy": _Format((".npy",), read_npy),
    "csv": _Format((".csv",), read_csv),
}
