"""The spin-glass twin of a chain of weight matrices: neurons become spins, weights couplings, biases fields.

Follows Li, arXiv:2508.07397, and Barney, Winer, Galitski, arXiv:2408.06421: every neuron, inputs and outputs
included, is a spin, and the couplings form a symmetric block-tridiagonal matrix with blocks
``J_(l,l+1) = -W_l^T`` in this project's sign. Dividing by the critical temperature of the same architecture
with random weights, so that curves of different architectures share one axis, is a choice of ours.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qspin.errors import InputError
from qspin.networks.twins.dense_layers import chained
from qspin.networks.twins.twin import Scale, problem_of
from qspin.networks.twins.wiring import layered_temperature
from qspin.problem import IsingProblem
from qspin.settings import checked_seed

__all__ = ["critical_temperature", "shuffled_weights", "twin_from_weights"]


def twin_from_weights(
    weights: Sequence[ArrayLike], biases: Sequence[ArrayLike] | None = None, *, scale: Scale = "critical"
) -> IsingProblem:
    """Spin-glass twin from weight matrices alone; as `qspin.networks.twin`.

    Parameters
    ----------
    weights : matrices (out, in), first layer first
    biases : vectors (out,), one a matrix; None: no fields
    scale : ``critical`` or ``none``
    """
    matrices = _checked_weights(weights)
    if biases is not None:
        _check_biases(biases, _layer_sizes(matrices))
    offsets = [None] * len(matrices) if biases is None else [np.asarray(b, dtype=np.float64) for b in biases]
    layers = [(str(k), *both) for k, both in enumerate(zip(matrices, offsets, strict=True), start=1)]
    return problem_of(
        chained(layers), biases=biases is not None, scale=scale, layers=None, max_spins=None, seed=0
    )


def critical_temperature(layer_sizes: Sequence[int], variances: Sequence[float] | None = None) -> float:
    """Critical temperature of a layered glass with independent random weights of zero mean.

    ``T_c^2`` is the largest eigenvalue of M with ``M_(l,l+1) = N_(l+1) var_l`` and ``M_(l+1,l) = N_l var_l``;
    for equal layers, J ~ N(0, C/N), it is sqrt(2 C cos(pi / (L + 2))) (arXiv:2408.06421).

    Parameters
    ----------
    layer_sizes : neurons of each layer, inputs first, (L + 1,)
    variances : weight variance of each of the L weight layers; default PyTorch's initialisation of `Linear`,
        1 / (3 fan_in)

    Examples
    --------
    >>> round(critical_temperature([64, 32, 10]), 4)
    0.5481
    """
    sizes = np.asarray(layer_sizes, dtype=np.float64)
    if sizes.ndim != 1 or len(sizes) < 2 or (sizes < 1).any():
        raise InputError(f"layer sizes must be at least two positive numbers; got {list(layer_sizes)}")
    spread = 1 / (3 * sizes[:-1]) if variances is None else np.asarray(variances, dtype=np.float64)
    if spread.shape != (len(sizes) - 1,) or (spread < 0).any():
        raise InputError(f"variances must be {len(sizes) - 1} non-negative numbers, one a weight layer")
    return layered_temperature(sizes, {(k + 1, k): float(v) for k, v in enumerate(spread)})


def shuffled_weights(weights: Sequence[ArrayLike], *, seed: int | Sequence[int]) -> list[NDArray[np.float64]]:
    """Weights permuted at random within each layer: the same values and variance, no structure.

    Parameters
    ----------
    weights : matrices (out, in)
    seed : one number, or several as `numpy.random.SeedSequence` takes them

    Raises
    ------
    InputError
        If weights are no matrices that follow one another, or the seed is none.
    """
    rng = np.random.default_rng(checked_seed(seed))
    matrices = _checked_weights(weights)
    return [rng.permutation(matrix.ravel()).reshape(matrix.shape) for matrix in matrices]


def _layer_sizes(matrices: Sequence[NDArray[np.float64]]) -> list[int]:
    return [matrices[0].shape[1], *(matrix.shape[0] for matrix in matrices)]


def _checked_weights(weights: Sequence[ArrayLike]) -> list[NDArray[np.float64]]:
    matrices = [np.asarray(matrix, dtype=np.float64) for matrix in weights]
    if not matrices:
        raise InputError("a twin needs at least one weight matrix; the network has no Linear layer")
    for layer, matrix in enumerate(matrices):
        if matrix.ndim != 2:
            raise InputError(f"weights of layer {layer} must be a matrix (out, in); got shape {matrix.shape}")
        if not np.isfinite(matrix).all():
            raise InputError(f"weights of layer {layer} are not finite: did the training diverge?")
    for layer, (before, after) in enumerate(itertools.pairwise(matrices)):
        if after.shape[1] != before.shape[0]:
            raise InputError(
                f"layer {layer + 1} takes {after.shape[1]} inputs but layer {layer} gives {before.shape[0]}: "
                "the layers do not form a chain"
            )
    return matrices


def _check_biases(biases: Sequence[ArrayLike], sizes: Sequence[int]) -> None:
    lengths = [np.shape(bias) for bias in biases]
    if lengths != [(size,) for size in sizes[1:]]:
        raise InputError(f"biases must have lengths {sizes[1:]}, one a weight layer; got shapes {lengths}")
    for layer, bias in enumerate(biases):
        if not np.isfinite(np.asarray(bias, dtype=np.float64)).all():
            raise InputError(f"biases of layer {layer} are not finite: did the training diverge?")
