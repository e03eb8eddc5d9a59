"""Overlaps of parts: layers of a network, single spins, spins at a distance, and stored patterns."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from qspin.analysis.overlap import overlap_curve
from qspin.analysis.resampling import jackknife, jackknife_pairs
from qspin.arguments import checked_arguments
from qspin.errors import InputError
from qspin.known import layers_of
from qspin.labels import labels_to_json
from qspin.problem import IsingProblem
from qspin.samples import SampleSet
from qspin.validate import checked_positions, checked_spins

__all__ = [
    "correlation_length",
    "distance_overlaps",
    "group_overlap_curve",
    "layers_by_label",
    "layers_of",
    "pattern_overlap_curve",
    "pattern_overlaps",
    "site_overlaps",
]


def layers_by_label(labels: Sequence[Hashable]) -> dict[str, NDArray[np.intp]]:
    """The same from the labels of a twin, "LAYER:NEURON"; empty where labels read otherwise.

    Examples
    --------
    >>> {name: spins.tolist() for name, spins in layers_by_label(["0:0", "0:1", "1:0"]).items()}
    {'layer 0': [0, 1], 'layer 1': [2]}
    """
    layers: dict[str, list[int]] = {}
    for k, label in enumerate(labels):
        layer, colon, neuron = str(label).partition(":")
        if not (colon and layer.isdigit() and neuron.isdigit()):
            return {}
        layers.setdefault(f"layer {layer}", []).append(k)
    return {name: np.array(spins) for name, spins in layers.items()}


@checked_arguments
def group_overlap_curve(samples: SampleSet, groups: Mapping[str, ArrayLike]) -> xr.Dataset:
    """`overlap_curve` of parts of the spins, such as the layers of a network.

    Parameters
    ----------
    groups : name -> positions of its spins, at least one and each once, or a Boolean mask (n_spins,)

    Returns
    -------
    the curves over (``group``, ``beta``)

    Raises
    ------
    InputError
        If there is no group, one is empty, names a spin twice or one that is not there, or is a mask of
        another length; or there are fewer than two replicas.
    """
    if not groups:
        raise InputError("there are no groups; give at least one, name -> positions of its spins")
    curves = []
    for name, spins in groups.items():
        places = checked_positions(spins, samples.n_spins, f"group {name!r}")
        if not places.size:
            raise InputError(
                f"group {name!r} must hold positions of spins, 0 to {samples.n_spins - 1}; got none"
            )
        curves.append(overlap_curve(_part(samples, places)))
    return xr.concat(curves, dim=xr.Variable("group", list(groups)))


def _part(samples: SampleSet, places: NDArray[np.intp]) -> SampleSet:
    """Some of the spins under their own labels; they are of no problem, energies stay those of the whole."""
    if samples.has_averages:
        raise InputError("overlaps of parts need stored spins: sample without store: statistics")
    labels = samples.labels
    dataset = samples.dataset[["spins", "energies"]].isel(spin=places)
    dataset.attrs = {
        **samples.dataset.attrs,
        "labels": labels_to_json([labels[k] for k in places]),
        "info": json.dumps({**samples.info, "problem": None}, sort_keys=True),
    }
    return SampleSet(dataset, handed_over=True)


@checked_arguments
def site_overlaps(samples: SampleSet) -> xr.Dataset:
    """Edwards-Anderson parameter of every spin, <s_i>^a <s_i>^b averaged over pairs of replicas.

    Without fields it is zero in equilibrium by symmetry; where a replica stays on one side, spins that are
    frozen stand out. Errors leave out one replica at a time.

    Returns
    -------
    dataset over (``beta``, ``spin``) with ``q_site`` and ``q_site_error``, and over ``beta`` the mean
    ``q_ea`` with ``q_ea_error``

    Raises
    ------
    InputError
        If there are fewer than two replicas.
    """
    rows = []
    for spins in samples.spins.values:
        means = spins.mean(axis=1, dtype=np.float64)  # (replica, spin)
        others = means * (means.sum(axis=0) - means)
        site, whole = jackknife_pairs(others), jackknife_pairs(others.mean(axis=1, keepdims=True))
        rows.append((*site, whole[0][0], whole[1][0]))
    q_site, site_error, q_ea, q_ea_error = (np.array(column) for column in zip(*rows, strict=True))
    return xr.Dataset(
        {
            "q_site": (("beta", "spin"), q_site),
            "q_site_error": (("beta", "spin"), site_error),
            "q_ea": ("beta", q_ea),
            "q_ea_error": ("beta", q_ea_error),
        },
        coords={"beta": samples.betas, "temperature": ("beta", samples.temperatures)},
    )


@checked_arguments
def distance_overlaps(samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
    """Spin-glass correlation against graph distance, C(r) = mean of <s_i s_j>^a <s_i s_j>^b over pairs at r.

    Parameters
    ----------
    samples : of `problem`, at least two replicas
    problem : its couplings make the graph

    Returns
    -------
    dataset over (``beta``, ``distance``) with ``correlation`` and ``correlation_error``, and ``n_pairs``
    (``distance``)
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import shortest_path

    i, j, _ = problem.edges
    n = problem.n_spins
    graph = csr_array((np.ones(len(i)), (i, j)), shape=(n, n))
    steps = shortest_path(graph, directed=False, unweighted=True)
    upper = np.triu_indices(n, 1)
    near = steps[upper]
    joined = np.isfinite(near)
    distances, index = np.unique(near[joined].astype(int), return_inverse=True)
    sizes = np.bincount(index)
    rows = []
    for spins in samples.spins.values:
        floats = spins.astype(np.float32)
        c = np.stack([(draws.T @ draws / len(draws))[upper][joined] for draws in floats]).astype(np.float64)
        products = c * (c.sum(axis=0) - c)
        binned = np.stack([np.bincount(index, weights=row) / sizes for row in products])
        rows.append(jackknife_pairs(binned))
    return xr.Dataset(
        {
            "correlation": (("beta", "distance"), np.array([row[0] for row in rows])),
            "correlation_error": (("beta", "distance"), np.array([row[1] for row in rows])),
            "n_pairs": ("distance", sizes),
        },
        coords={
            "beta": samples.betas,
            "temperature": ("beta", samples.temperatures),
            "distance": distances,
        },
    )


@checked_arguments
def correlation_length(samples: SampleSet, positions: ArrayLike, size: int) -> xr.Dataset:
    """Second-moment correlation length over L of a periodic lattice, from overlaps at the smallest momentum.

    xi = [chi(0)/chi(k) - 1]^(1/2) / (2 sin(pi/L)), chi(k) = N <|q(k)|^2> (Cooper, Freedman, Preston 1982,
    Nucl. Phys. B 210, 210), averaged over the directions of k.

    Parameters
    ----------
    positions : lattice coordinates of the spins (N, n_dimensions)
    size : L

    Returns
    -------
    dataset over ``beta`` with ``chi0``, ``chik`` (N <q^2>, N <|q(k)|^2>) and ``xi_over_l`` with its error

    Raises
    ------
    InputError
        If there is not one row of finite coordinates a spin, or two spins have the same ones.
    """
    coordinates = np.asarray(positions, dtype=np.float64)
    if coordinates.ndim != 2 or len(coordinates) != samples.n_spins or not np.isfinite(coordinates).all():
        raise InputError(
            f"positions must be finite lattice coordinates ({samples.n_spins}, n_dimensions), a row a spin; "
            f"got shape {coordinates.shape}"
        )
    places, counts = np.unique(coordinates, axis=0, return_counts=True)
    if (counts > 1).any():
        raise InputError(f"positions must differ; {places[counts > 1][0].tolist()} stands twice")
    waves = np.exp(2j * np.pi * coordinates / size).T  # (dimension, spin)
    rows = []
    for spins in samples.spins.values:
        n_replicas, _, n = spins.shape
        rows_of = np.zeros((n_replicas, 2))
        for draw in spins.swapaxes(0, 1).astype(np.float64):
            plain = (draw @ draw.T / n) ** 2
            moving = sum(np.abs((draw * wave) @ draw.T / n) ** 2 for wave in waves) / len(waves)
            for k, matrix in enumerate((plain, moving)):
                rows_of[:, k] += n * (matrix.sum(axis=1) - np.diag(matrix)) / spins.shape[1]

        def length(mean: NDArray[np.float64]) -> NDArray[np.float64]:
            ratio = np.sqrt(max(mean[0] / mean[1] - 1, 0.0)) if mean[1] > 0 else np.nan
            return np.append(mean, ratio / (2 * np.sin(np.pi / size)) / size)

        rows.append(jackknife_pairs(rows_of, length))
    names = ("chi0", "chik", "xi_over_l")
    variables = {}
    for k, name in enumerate(names):
        variables[name] = ("beta", np.array([row[0][k] for row in rows]))
        variables[f"{name}_error"] = ("beta", np.array([row[1][k] for row in rows]))
    return xr.Dataset(
        variables, coords={"beta": samples.betas, "temperature": ("beta", samples.temperatures)}
    )


@checked_arguments
def pattern_overlaps(spins: ArrayLike, patterns: ArrayLike) -> NDArray[np.float64]:
    """Mattis magnetisations m_mu = (1/N) sum_i xi_i^mu s_i.

    Not a measure of its own: `pattern_overlap_curve` is made of them.

    Parameters
    ----------
    spins : (..., N)
    patterns : (n_patterns, N) of -1 and +1

    Returns
    -------
    array (..., n_patterns)

    Raises
    ------
    InputError
        If the patterns have another length than the configurations, or hold anything but -1 and +1.
    """
    array, stored = np.asarray(spins), np.atleast_2d(np.asarray(patterns))
    if array.shape[-1] != stored.shape[-1]:
        raise InputError(
            f"patterns of {stored.shape[-1]} spins do not fit configurations of {array.shape[-1]}"
        )
    checked_spins(stored, array.shape[-1])
    return array.astype(np.float64) @ stored.T.astype(np.float64) / max(array.shape[-1], 1)


@checked_arguments
def pattern_overlap_curve(samples: SampleSet, patterns: ArrayLike) -> xr.Dataset:
    """Mean |m_mu| with every pattern at every temperature, and the largest of them.

    Returns
    -------
    dataset over (``beta``, ``pattern``) with ``m_abs`` and ``m_abs_error``, and over ``beta`` ``m_max`` (mean
    of the largest |m_mu|) and ``m_max_error``; errors over replicas
    """
    overlaps = np.abs(pattern_overlaps(samples.spins.values, patterns))  # (beta, replica, draw, pattern)
    each = [jackknife(row.mean(axis=1)) for row in overlaps]
    most = [jackknife(row.max(axis=-1).mean(axis=1)) for row in overlaps]
    return xr.Dataset(
        {
            "m_abs": (("beta", "pattern"), np.array([value for value, _ in each])),
            "m_abs_error": (("beta", "pattern"), np.array([error for _, error in each])),
            "m_max": ("beta", np.array([float(value) for value, _ in most])),
            "m_max_error": ("beta", np.array([float(error) for _, error in most])),
        },
        coords={"beta": samples.betas, "temperature": ("beta", samples.temperatures)},
    )
