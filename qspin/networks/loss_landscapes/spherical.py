"""Instances of the spherical p-spin glass, with exact gradients and Hessians.

``E(s) = -sum_(i1..ip) T_(i1..ip) s_i1 .. s_ip`` on the sphere ``|s|^2 = N``, over all indices, T the
symmetric part of Gaussian numbers of variance ``1 / (2 N^(p-1))``. Energies of two configurations of overlap
q then have the covariance ``N q^p / 2`` at any N (Auffinger, Ben Arous, Cerny 2013), and couplings of p
different spins the variance ``p! / (2 N^(p-1))``; the few terms with repeated indices are what a sum over
``i1 < .. < ip`` would leave out. All energies are given per spin.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qspin.errors import InputError
from qspin.instances._drawing import generator, require_numbers
from qspin.validate import checked_array, checked_count, locked

__all__ = ["SphericalGlass", "on_sphere", "projected", "roughness", "spherical_glass", "tangents"]

Floats = NDArray[np.float64]


class SphericalGlass:
    """One instance; made by `spherical_glass`.

    Parameters
    ----------
    tensor : T, symmetric, one axis of length N for each spin of an interaction

    Raises
    ------
    InputError
        If the axes differ, or are fewer than three, or the tensor is not symmetric and finite.
    """

    def __init__(self, tensor: ArrayLike):
        tensor = checked_array(tensor, "the tensor of a spherical glass").astype(np.float64)
        if tensor.ndim < 3 or len(set(tensor.shape)) != 1 or tensor.shape[0] < 2:
            raise InputError(
                f"a spherical glass takes a tensor of 3 or more equal axes of 2 or more; got {tensor.shape}"
            )
        if not all(np.allclose(tensor, tensor.swapaxes(k, k + 1)) for k in range(tensor.ndim - 1)):
            raise InputError(
                "the tensor of a spherical glass must be finite and symmetric; sum it over orders"
            )
        self._tensor = locked(tensor)

    @property
    def n_spins(self) -> int:
        return self._tensor.shape[0]

    @property
    def p(self) -> int:
        return self._tensor.ndim

    def energies(self, spins: ArrayLike) -> Floats:
        """Per spin, of configurations (n, N): (n,)."""
        return self.slopes(spins)[0]

    def gradients(self, spins: ArrayLike) -> Floats:
        """Of E, along the sphere: (n, N), orthogonal to each configuration."""
        return self.slopes(spins)[1]

    def slopes(self, spins: ArrayLike) -> tuple[Floats, Floats]:
        """`energies` and `gradients` at once: each alone takes as long."""
        s = self._checked(spins)
        summed = self._contracted(s, 1)
        energies = -np.einsum("ni,ni->n", summed, s) / self.n_spins
        return energies, projected(-self.p * summed, s)

    def hessians(self, spins: ArrayLike) -> Floats:
        """Of E on the sphere, (n, N - 1, N - 1), in an orthonormal basis of what is orthogonal to each s.

        ``P (d2E - (s . dE) / N) P``: the second derivative along great circles.
        """
        s = self._checked(spins)
        bases = tangents(s)
        return bases.swapaxes(1, 2) @ self.flat_hessians(s) @ bases

    def flat_hessians(self, spins: ArrayLike) -> Floats:
        """``d2E - (s . dE) / N`` (n, N, N), of which `hessians` is the part along the sphere."""
        s = self._checked(spins)
        pairs = self._contracted(s, 2)
        radial = np.einsum("ni,nij,nj->n", s, pairs, s) / self.n_spins
        pairs *= -self.p * (self.p - 1)
        np.einsum("nii->ni", pairs)[...] += self.p * radial[:, None]
        return pairs

    def indices(self, spins: ArrayLike) -> NDArray[np.int64]:
        """Negative eigenvalues of the Hessian on the sphere, of configurations (n, N): (n,)."""
        return (np.linalg.eigvalsh(self.hessians(spins)) < 0).sum(axis=1)

    def random_spins(self, n: int, *, seed: int | Sequence[int]) -> Floats:
        """Uniform on the sphere (n, N)."""
        n = checked_count(n, "n, the number of configurations,", least=1)
        return on_sphere(generator(seed).normal(size=(n, self.n_spins)))

    def _checked(self, spins: ArrayLike) -> Floats:
        s = checked_array(spins, "spins").astype(np.float64, copy=False)
        if s.ndim != 2 or s.shape[1] != self.n_spins:
            raise InputError(f"spins must have shape (n, {self.n_spins}); got {s.shape}")
        if not np.allclose((s**2).sum(axis=1), self.n_spins, rtol=1e-6):
            raise InputError(f"spins must lie on the sphere |s|^2 = {self.n_spins}")
        return s

    def _contracted(self, s: Floats, free: int) -> Floats:
        """T with all but `free` axes summed over each configuration: (n, N) or (n, N, N)."""
        n = self.n_spins
        left = (self._tensor.reshape(-1, n) @ s.T).T
        for _ in range(self.p - 1 - free):
            left = np.einsum("baj,bj->ba", left.reshape(len(s), -1, n), s)
        return left.reshape((len(s),) + (n,) * free)


def spherical_glass(n_spins: int, p: int = 3, *, seed: int | Sequence[int]) -> SphericalGlass:
    """A random instance.

    Parameters
    ----------
    n_spins : N, 2 or more; N^p numbers are kept
    p : spins of an interaction, 3 or more

    Raises
    ------
    InputError
        If N or p is too small.
    CapacityError
        If the couplings would not fit in memory.

    Examples
    --------
    >>> glass = spherical_glass(20, seed=1)
    >>> glass.energies(glass.random_spins(3, seed=2)).shape
    (3,)
    """
    n_spins = checked_count(n_spins, "n_spins", least=2)
    p = checked_count(p, "p, the spins of an interaction,", least=3)
    require_numbers(3 * n_spins**p, f"the couplings of {n_spins} spins in groups of {p}")
    drawn = generator(seed).normal(scale=math.sqrt(1 / (2 * n_spins ** (p - 1))), size=(n_spins,) * p)
    symmetric = np.zeros_like(drawn)
    for order in itertools.permutations(range(p)):
        symmetric += drawn.transpose(order)
    symmetric /= math.factorial(p)
    return SphericalGlass(symmetric)


def on_sphere(vectors: Floats) -> Floats:
    """Vectors (n, N) scaled to |s|^2 = N."""
    return vectors * np.sqrt(vectors.shape[1] / np.einsum("ni,ni->n", vectors, vectors))[:, None]


def projected(vectors: Floats, s: Floats) -> Floats:
    """What of vectors (n, N) is orthogonal to the configurations s (n, N)."""
    along = np.einsum("ni,ni->n", vectors, s) / s.shape[1]
    return vectors - along[:, None] * s


def roughness(gradients: Floats) -> Floats:
    """Root mean square of gradients (n, N) over spins: (n,)."""
    return np.sqrt((gradients**2).mean(axis=1))


def tangents(s: Floats) -> Floats:
    """Orthonormal bases (n, N, N - 1) of what is orthogonal to each configuration: Householder
    reflections."""
    unit = s / np.sqrt(s.shape[1])
    turned = unit.copy()
    turned[:, 0] += np.where(unit[:, 0] < 0, -1.0, 1.0)
    length = np.einsum("ni,ni->n", turned, turned)
    reflections = np.eye(s.shape[1]) - 2 / length[:, None, None] * turned[:, :, None] * turned[:, None, :]
    return reflections[:, :, 1:]
