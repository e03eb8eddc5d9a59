"""Weights of linear attention that may only be +-scale: the loss of in-context learning as an Ising
problem."""

from __future__ import annotations

import numpy as np

from qspin.errors import InputError
from qspin.networks.in_context.glass import weight_glass
from qspin.networks.in_context.prompts import Examples, draw_examples
from qspin.problem import IsingProblem
from qspin.validate import checked_real

__all__ = ["in_context", "sign_problem"]


def sign_problem(examples: Examples, scale: float | None = None) -> IsingProblem:
    """``E(s) = 1/2 <(y - scale s . features)^2>``: half the mean squared error of W = scale s, exactly.

    Spins are the elements of W that take part, labelled "m:n"; the last column, which meets the empty label
    of the query, is left out. Many tasks teach a multiple of the identity, which signs cannot be: ground
    states are the best that signs can do. A ridge would be a constant.

    Parameters
    ----------
    examples : of `draw_examples`
    scale : positive; default ``1 / sqrt(2 D)``, at which random signs predict labels of variance 1, that of
        the true ones, for prompts much longer than D

    Returns
    -------
    problem of D (D + 1) spins; the groups ``diagonal`` (m = n), ``inputs`` (the other rows and columns of
    inputs) and ``labels`` (the row of the labels) are known

    Raises
    ------
    InputError
        If the scale is not positive.
    CapacityError
        If the couplings would not fit in memory.
    """
    d = examples.dimension
    scale = 1 / np.sqrt(2 * d) if scale is None else checked_real(scale, "scale")
    if scale <= 0:
        raise InputError(f"scale must be positive; got {scale:g}")
    glass = weight_glass(examples)
    m, n = (index.ravel() for index in np.indices((d + 1, d)))
    kept = m * (d + 1) + n
    groups = {"diagonal": m == n, "inputs": (m < d) & (m != n), "labels": m == d}
    problem = IsingProblem(
        scale**2 * glass.couplings[np.ix_(kept, kept)],
        scale * glass.fields[kept],
        offset=glass.offset + scale**2 * float(glass.penalties[kept].sum()) / 2,
        labels=[f"{row}:{column}" for row, column in zip(m.tolist(), n.tolist(), strict=True)],
    )
    return problem.with_known(groups={name: of for name, of in groups.items() if of.any()})


def in_context(
    dimension: int,
    length: int,
    n_tasks: int,
    noise: float = 0.0,
    scale: float | None = None,
    *,
    seed: int,
) -> IsingProblem:
    """Linear attention that learns in context, with weights of two values; see `sign_problem`.

    Parameters
    ----------
    dimension, length, n_tasks, noise : of the prompts, see `draw_examples`
    scale : see `sign_problem`
    """
    return sign_problem(draw_examples(dimension, length, n_tasks, noise=noise, seed=seed), scale)
