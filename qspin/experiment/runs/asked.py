"""Runs as data frames: what there is below a path, and rows of the tables that runs wrote."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qspin.experiment.runs.listing import listed, runs_below
from qspin.experiment.runs.rows import METRICS, rows_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["runs"]


def runs(
    path: str | os.PathLike[str] = "runs",
    *,
    where: str | None = None,
    columns: Sequence[str] | None = None,
    table: str | None = None,
) -> pd.DataFrame:
    """The run folders below a path; or, with one of the other arguments, rows of the tables that they hold.

    Nothing is kept between two calls: what is told is what the files hold.

    Parameters
    ----------
    path : folder of run folders, at any depth, or one run folder
    where : condition in SQL, as DuckDB understands it, such as ``"backend = 'annealer' and q_abs > 0.5"``;
        it reads no other files
    columns : of the rows; default all
    table : ``metrics``, the default: all curves, a row for problem, backend, point of the sweep and
        temperature; or a table of a study by the name of its file in the folder ``results``

    Returns
    -------
    of runs: ``run`` (folder below `path`), ``name``, ``digest``, ``when`` (of the last change), ``state``,
    tasks that are ``done``, of all ``tasks`` and that ``failed``, numbers of ``problems`` and ``backends``,
    ``studies``, and ``bytes`` on disk. Of rows: ``run``, ``name``, ``digest``, ``solver`` and the columns of
    the table; those that one run has and another lacks are empty there.

    Raises
    ------
    InputError
        If there is no run below `path`, for a table or column that none of them has, and for what is no
        condition in SQL: with what DuckDB says, and the columns that there are.
    MissingExtraError
        If rows are asked for and DuckDB is not installed.
    """
    found = runs_below(path)
    if where is None and columns is None and table is None:
        return listed(found)
    return rows_of(found, table=table or METRICS, where=where, columns=columns).frame
