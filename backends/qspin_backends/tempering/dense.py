"""Dense kernel: cached local fields, updated a block of spins at a time; rejected lanes cost next to nothing.

Within a block of spins the fields of the block alone follow every flip, in all lanes at once. When the block
is done, each walker adds the rows of the spins that it flipped to its fields, a tile of columns at a time:
the tile of J is read from memory once for all walkers and stays in the first-level cache while they use it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qspin.sampler import njit
from qspin_backends.common.simd import broadcast, fma, load, pointer_to, prefetch, store, where
from qspin_backends.tempering.decision import Move, decide, scales
from qspin_backends.tempering.random import draw, load_state, store_state

__all__ = ["DenseKernel", "DensePlan", "follow_dense", "sweep_dense"]

BLOCK = 32  # spins
TILE = 128  # columns; a tile of J takes 16 KiB
_LINE = np.uint64(16)  # float32 a cache line


class DenseKernel(NamedTuple):
    """What a sweep reads, and the fields that it keeps; the number of spins is filled up to whole tiles."""

    tiles: NDArray[np.float32]  # (N / BLOCK, N / TILE, BLOCK, TILE) of J
    within: NDArray[np.float32]  # (N / BLOCK, BLOCK, BLOCK) of 2 J, the blocks on the diagonal
    fields: NDArray[np.float32]  # (N / TILE, walkers, TILE); walker[lane] is the one in a lane
    scale: NDArray[np.float32]  # (n_words, lanes a word)
    random: NDArray[np.uint32]  # (n_words, 4, lanes a word)
    heat_bath: np.float32
    metropolis: np.unsignedinteger


@dataclass(frozen=True, eq=False)
class DensePlan:
    """A problem made ready for this kernel: couplings float64 (N, N) and fields (N,), in its units."""

    name: ClassVar[str] = "dense"

    couplings: NDArray[np.float64]
    fields: NDArray[np.float64]

    @property
    def row(self) -> NDArray[np.int64]:
        """Row of each spin, (N,): as they come."""
        return np.arange(len(self.fields))

    @property
    def n_rows(self) -> int:
        return len(self.fields)

    @cached_property
    def _tiles(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """`tiles` and `within` of the kernel, filled up with zeros; shared by all packs."""
        n = self.n_rows
        n_full = -(-max(n, 1) // TILE) * TILE
        full = np.zeros((n_full, n_full), np.float32)
        full[:n, :n] = self.couplings
        blocks = full.reshape(n_full // BLOCK, BLOCK, n_full // TILE, TILE)
        squares = full.reshape(n_full // BLOCK, BLOCK, n_full // BLOCK, BLOCK)
        own = np.arange(n_full // BLOCK)
        return np.ascontiguousarray(blocks.swapaxes(1, 2)), 2 * squares[own, :, own]

    def kernel(self, words: NDArray[Any], random: NDArray[np.uint32], move: Move) -> DenseKernel:
        tiles, within = self._tiles
        width = 8 * words.itemsize
        return DenseKernel(
            tiles,
            within,
            np.zeros((tiles.shape[1], words.shape[1] * width, TILE), np.float32),
            np.zeros((words.shape[1], width), np.float32),
            random,
            np.float32(move.heat_bath),
            move.metropolis_mask(words.dtype),
        )

    def set_betas(self, kernel: DenseKernel, betas: NDArray[np.float64]) -> None:
        """Put every lane at its inverse temperature, betas (n_lanes,) in units of the kernel."""
        kernel.scale.reshape(-1)[: len(betas)] = scales(betas)

    def set_fields(
        self, kernel: DenseKernel, spins: NDArray[np.int8], walker: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Recompute the cached fields in double precision from spins (n_lanes, N) of walkers in lanes.

        Returns
        -------
        their energies, (n_lanes,), in units of the kernel
        """
        n_tiles = len(kernel.fields)
        floats = spins.astype(np.float64)
        local = floats @ self.couplings + self.fields
        full = np.zeros((len(spins), n_tiles * TILE), np.float32)
        full[:, : self.n_rows] = local
        kernel.fields[:, walker[: len(spins)]] = full.reshape(len(spins), n_tiles, TILE).swapaxes(0, 1)
        return 0.5 * np.einsum("li,li->l", floats, local + self.fields)


@njit(inline="always")
def sweep_dense(kernel, words, walker, energies):
    """Visit every spin once in every lane.

    Parameters
    ----------
    words : unsigned integers (N, n_words), updated
    walker : int64 (n_words * lanes a word,), row of the fields of each lane
    energies : float64 (n_words * lanes a word,), updated
    """
    n_spins, n_words = words.shape
    width = words.itemsize * 8
    n_lanes = n_words * width
    local = np.empty((BLOCK, n_lanes), np.float32)
    flips = np.empty((n_lanes, BLOCK), np.uint64)  # by walker, the rows of the block that it flipped ...
    signs = np.empty((n_lanes, BLOCK), np.float32)  # ... and to what, times 2
    n_flips = np.zeros(n_lanes, np.uint64)
    for block in range(len(kernel.tiles)):
        first = block * BLOCK
        size = min(BLOCK, n_spins - first)
        if size <= 0:
            break
        n_flips[:] = 0
        for lane in range(n_lanes):
            for k in range(size):
                local[k, lane] = kernel.fields[first // TILE, walker[lane], first % TILE + k]
        for w in range(n_words):
            _visit(kernel, words, w, block, size, local, walker, energies, flips, signs, n_flips)
        _spread(kernel.tiles[block], kernel.fields, flips, signs, n_flips)


@njit(cache=True, inner=True)
def _visit(kernel, words, w, block, size, local, walker, energies, flips, signs, n_flips):
    """Decide the spins of a block in the lanes of word `w`; note who flipped what."""
    n_words = np.uint64(words.shape[1])
    width = words.itemsize * 8
    n_lanes = n_words * np.uint64(width)
    start = np.uint64(w * width)
    spins, fields, within = pointer_to(words), pointer_to(local), pointer_to(kernel.within[block])
    states, tag = pointer_to(kernel.random), words[0, w]
    scale = load(pointer_to(kernel.scale), start, tag)
    heat_bath, metropolis = kernel.heat_bath, kernel.metropolis
    s0, s1, s2, s3 = load_state(states, np.uint64(w), width, tag)
    nothing = broadcast(np.float32(0.0), tag)
    change = nothing
    for k in range(np.uint64(size)):
        field = load(fields, k * n_lanes + start, tag)
        place = (np.uint64(block * BLOCK) + k) * n_words + np.uint64(w)
        old = spins[place]
        drawn, s0, s1, s2, s3 = draw(s0, s1, s2, s3)
        new = decide(field, scale, drawn, old, heat_bath, metropolis)
        spins[place] = new
        turned = where((old ^ new) & new, nothing + np.float32(1.0), nothing)
        turned = where((old ^ new) & old, nothing - np.float32(1.0), turned)
        change = fma(turned, field, change)
        for other in range(k + np.uint64(1), np.uint64(size)):
            there = other * n_lanes + start
            store(fields, there, fma(turned, within[k * np.uint64(BLOCK) + other], load(fields, there, tag)))
        flipped, up = np.uint64(old ^ new), np.uint64(new)
        lane = start
        while flipped:
            if flipped & np.uint64(1):
                who = walker[lane]
                flips[who, n_flips[who]] = k
                signs[who, n_flips[who]] = 2.0 if up & np.uint64(1) else -2.0
                n_flips[who] += np.uint64(1)
            flipped >>= np.uint64(1)
            up >>= np.uint64(1)
            lane += np.uint64(1)
    store_state(states, np.uint64(w), width, s0, s1, s2, s3)
    store(fields, start, change)
    for own in range(start, start + np.uint64(width)):
        energies[own] += 2.0 * local[0, own]


@njit(inner=True)
def _spread(tiles, fields, flips, signs, n_flips):
    """Add the rows of all flipped spins to the fields of their walkers, fetching the next tile meanwhile."""
    columns, tile = pointer_to(fields), pointer_to(tiles)
    n_walkers, size = np.uint64(fields.shape[1]), np.uint64(BLOCK * TILE)
    ahead = size // n_walkers + np.uint64(1)
    for t in range(np.uint64(len(tiles))):
        first = t * size
        for v in range(n_walkers):
            for near in range(v * ahead, min((v + np.uint64(1)) * ahead, size), _LINE):
                prefetch(tile, first + size + np.uint64(near))
            if n_flips[v]:
                place = (t * n_walkers + v) * np.uint64(TILE)
                total = load(columns, place, TILE)
                for k in range(n_flips[v]):
                    row = load(tile, first + flips[v, k] * np.uint64(TILE), TILE)
                    total = fma(row, signs[v, k], total)
                store(columns, place, total)


@njit(inner=True)
def follow_dense(kernel, words, walker, lane, rows, count):
    """Add the first `count` of `rows` of J, spins that were flipped in a lane, to its walker's fields."""
    width = words.itemsize * 8
    word, bit = lane // width, words.dtype.type(lane % width)
    columns, couplings = pointer_to(kernel.fields), pointer_to(kernel.tiles)
    n_tiles, n_walkers = np.uint64(kernel.fields.shape[0]), np.uint64(kernel.fields.shape[1])
    size = np.uint64(BLOCK * TILE)
    for t in range(n_tiles):
        place = (t * n_walkers + np.uint64(walker[lane])) * np.uint64(TILE)
        total = load(columns, place, TILE)
        for k in range(count):
            block, within = np.uint64(rows[k] // BLOCK), np.uint64(rows[k] % BLOCK)
            row = load(couplings, (block * n_tiles + t) * size + within * np.uint64(TILE), TILE)
            is_up = (words[rows[k], word] >> bit) & words.dtype.type(1)
            total = fma(row, np.float32(2.0) if is_up else np.float32(-2.0), total)
        store(columns, place, total)
