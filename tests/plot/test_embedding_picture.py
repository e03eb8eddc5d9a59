"""Pictures of embeddings: chains, copies, and qubits that are not used or do not work."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

import qspin
from qspin import plot
from qspin.errors import InputError
from qspin.plot.style import COLOURS

RING = qspin.IsingProblem.from_edges(4, [0, 1, 2, 0], [1, 2, 3, 3], [-1.0] * 4)


@pytest.fixture
def ax():
    return Figure().subplots()


def sampled(**settings):
    settings = {"size": 2, "n_reads": 6, "physics": "thermal", "n_sweeps": 5, **settings}
    return qspin.get_backend("annealer", **settings).sample(RING, seed=1)


def parts(ax):
    """Disks of unused and of used qubits, couplers, and lines of chains."""
    disks = [c for c in ax.collections if hasattr(c, "_widths")]
    lines = [c for c in ax.collections if hasattr(c, "get_segments")]
    return disks, lines


@pytest.mark.parametrize(("topology", "n_qubits"), [("zephyr", 160), ("pegasus", 40)])
def test_qubits_stand_where_the_layout_of_the_device_has_them(ax, topology, n_qubits):
    samples = sampled(topology=topology, embedding="clique")
    plot.embedding(samples, ax)
    chains = samples.info["pipeline"]["embedding"]["chains"]
    (unused, used), lines = parts(ax)
    assert len(used.get_offsets()) == sum(map(len, chains))
    assert len(unused.get_offsets()) + len(used.get_offsets()) == n_qubits
    assert [to_hex(c) for c in used.get_facecolors()] == [
        COLOURS[k].lower() for k, chain in enumerate(chains) for _ in chain
    ]
    inside = sum(len(line.get_segments()) for line in lines[1:])
    assert inside >= sum(len(chain) - 1 for chain in chains)
    assert ax.get_title().startswith(f"{len(used.get_offsets())} qubits of {topology} 2")


def test_couplers_of_the_problem_alone_where_it_is_given(ax):
    samples = sampled(embedding="clique")
    plot.embedding(samples, ax, problem=RING)
    fewer = len(parts(ax)[1][0].get_segments())
    other = Figure().subplots()
    plot.embedding(samples, other)
    assert 4 <= fewer < len(parts(other)[1][0].get_segments())


def test_copies_share_colours_and_missing_qubits_are_crossed(ax):
    samples = sampled(n_copies=3, embedding="clique")
    chains = samples.info["pipeline"]["copies"]["chains"]
    qubits = [q for q in range(160) if q not in (0, 5)]
    told = {"topology": "zephyr", "shape": [2, 4], "chains": chains, "qubits": qubits}
    used = {q for copy in chains[0] for chain in copy for q in chain}
    told["qubits"] = [q for q in range(160) if q in used or q not in (0, 5, 30)]
    plot.embedding(told, ax, is_whole=True)
    disks, lines = parts(ax)
    assert len({to_hex(c) for c in disks[-1].get_facecolors()}) == 4
    assert len(lines[0].get_segments()) == 2 * (160 - len(told["qubits"]))
    assert "crosses: qubits that do not work" in ax.get_xlabel()
    assert ax.get_title().startswith("3 copies, ")
    assert np.ptp(ax.get_xlim()) > 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"chains": [[[[10**6]]]]}, "the device has no qubit 1000000"),
        ({"chains": [[[]]]}, "there are no chains to draw"),
        ({"topology": "kagome"}, "layouts are known of chimera, pegasus and zephyr; got 'kagome'"),
        ({"shape": None}, "this one lacks shape"),
    ],
)
def test_what_cannot_be_drawn(ax, change, message):
    told = {"topology": "zephyr", "shape": [2, 4], "chains": [[[[0], [40]]]], **change}
    with pytest.raises(InputError, match=message):
        plot.embedding({name: value for name, value in told.items() if value is not None}, ax)


def test_samples_without_an_embedding(ax):
    with pytest.raises(InputError, match="these samples have no embedding"):
        plot.embedding(sampled(topology="none", size=None), ax)
    with pytest.raises(InputError, match="these samples have no embedding"):
        plot.embedding(qspin.get_backend("exact").sample(RING, seed=1), ax)
    with pytest.raises(InputError, match="takes samples of an annealer or what .* finds; got a NoneType"):
        plot.embedding(None, ax)
    with pytest.raises(InputError, match="there are 1 placements, from 0; got 2"):
        plot.embedding(sampled(), ax, placement=2)


def test_disks_of_used_qubits_are_whole_and_one_of_several_embeddings_is_said_to_be(ax):
    told = sampled(n_embeddings=3, topology="zephyr", embedding="clique")
    plot.embedding(told, ax, placement=1)
    used = parts(ax)[0][-1]
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    radius = used._widths.max()  # matplotlib keeps halves
    x, y = np.asarray(used.get_offsets()).T
    assert left <= (x - radius).min()
    assert (x + radius).max() <= right
    assert low <= (y - radius).min()
    assert (y + radius).max() <= high
    assert ax.get_title().endswith("zephyr 2x4 (embedding 2 of 3)")
