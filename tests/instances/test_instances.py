from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

import qspin
from qspin import instances
from qspin.errors import CapacityError, InputError

SEEDED = {
    "sherrington_kirkpatrick": {"n_spins": 12},
    "edwards_anderson": {"shape": (3, 4)},
    "mattis": {"n_spins": 12},
    "hopfield": {"n_spins": 12, "n_patterns": 2},
    "maxcut_regular": {"n_spins": 12, "degree": 3},
    "pegasus": {"m": 2},
    "zephyr": {"m": 1},
    "cubic_dimers": {"shape": (2, 2, 3), "m": 3},
    "biclique": {"n": 3, "m": 1},
    "diamond": {"shape": (2, 2, 1)},
}
QUENCHES = {
    "cubic_dimers": {"shape": (3, 2, 12), "m": 4},
    "biclique": {"n": 10, "m": 2},
}


@pytest.mark.parametrize("name", SEEDED)
def test_the_seed_fixes_the_instance(name):
    make = getattr(instances, name)
    assert make(**SEEDED[name], seed=1) == make(**SEEDED[name], seed=1)
    assert make(**SEEDED[name], seed=1) != make(**SEEDED[name], seed=2)


def test_sherrington_kirkpatrick_has_the_stated_variance():
    couplings = instances.sherrington_kirkpatrick(400, seed=0).edges.couplings
    assert len(couplings) == 400 * 399 // 2
    assert couplings.var() * 400 == pytest.approx(1, abs=4 * np.sqrt(2 / len(couplings)))
    assert couplings.mean() * 20 == pytest.approx(0, abs=4 / np.sqrt(len(couplings)))


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("shape", [(5,), (2,), (3, 4), (2, 2), (1, 6), (3, 2, 4), (3, 3, 3)])
def test_lattices_are_those_of_networkx(shape, periodic):
    problem = instances.edwards_anderson(shape, periodic=periodic, seed=0)
    grid = nx.grid_graph(shape[::-1], periodic=periodic)
    grid.remove_edges_from(nx.selfloop_edges(grid))
    index = {site if isinstance(site, tuple) else (site,): k for k, site in enumerate(np.ndindex(shape))}
    named = [tuple(site if isinstance(site, tuple) else (site,) for site in edge) for edge in grid.edges]
    expected = {tuple(sorted((index[u], index[v]))) for u, v in named}
    assert set(zip(problem.edges.i.tolist(), problem.edges.j.tolist(), strict=True)) == expected


def test_a_direction_of_its_own_may_be_open():
    """A cylinder: closed along one direction alone."""
    problem = instances.edwards_anderson((3, 4), periodic=(False, True), seed=0)
    grid = nx.cartesian_product(nx.path_graph(3), nx.cycle_graph(4))
    expected = {tuple(sorted((4 * a + b, 4 * c + d))) for (a, b), (c, d) in grid.edges}
    assert set(zip(problem.edges.i.tolist(), problem.edges.j.tolist(), strict=True)) == expected


def fcc_neighbours(shape, periodic):
    """Bonds of a diamond lattice from its geometry: sites of the two sublattices at the shortest distance."""
    basis = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
    cells = np.array(list(np.ndindex(shape)))
    first, second = cells @ basis, cells @ basis + 1 / 4
    images = [np.array(k) for k in np.ndindex(3, 3, 3)]
    edges = set()
    for image in images:
        shift = image - 1
        if any(s and not closed for s, closed in zip(shift, periodic, strict=True)):
            continue
        moved = second + (shift * np.array(shape)) @ basis
        distance = np.linalg.norm(first[:, None] - moved[None], axis=-1)
        for a, b in zip(*np.nonzero(np.isclose(distance, np.sqrt(3) / 4)), strict=True):
            edges.add((2 * int(a), 2 * int(b) + 1))
    return edges


@pytest.mark.parametrize("periodic", [True, False, (True, False, True)])
@pytest.mark.parametrize("shape", [(2, 2, 2), (3, 2, 2), (1, 2, 3), (3, 3, 3), (1, 1, 1)])
def test_the_diamond_is_that_of_its_geometry(shape, periodic):
    """Against distances of points in space, periodic images among them."""
    problem = instances.diamond(shape, periodic=periodic, seed=0)
    closed = periodic if isinstance(periodic, tuple) else (periodic,) * 3
    edges = {tuple(sorted(e)) for e in zip(*(x.tolist() for x in problem.edges[:2]), strict=True)}
    assert len(edges) == problem.n_couplings
    assert edges == {tuple(sorted(e)) for e in fcc_neighbours(shape, closed)}
    groups = problem.known.groups
    assert all(min(e) in groups["a"] or max(e) in groups["a"] for e in edges)
    assert not any(set(e) <= set(groups[side].tolist()) for e in edges for side in "ab")


def test_inside_the_diamond_everybody_has_four_neighbours_and_rings_have_six():
    problem = instances.diamond((4, 4, 4), couplings="seven_bit", seed=3)
    assert problem.n_spins == 128
    assert (np.diff(problem.csr.indptr) == 4).all()
    assert nx.girth(nx.Graph(list(problem.to_networkx().edges))) == 6
    values = problem.edges.couplings
    assert (values * 128 == np.rint(values * 128)).all()
    assert 0 < np.abs(values).min() <= np.abs(values).max() <= 1


def test_a_biclique_without_a_device_has_the_couplings_of_the_one_on_it():
    alone, on_it = instances.biclique(4, m=None, seed=5), instances.biclique(4, m=2, seed=5)
    assert alone == on_it.known.logical
    assert {k: v.tolist() for k, v in alone.known.groups.items()} == {"a": [0, 1, 2, 3], "b": [4, 5, 6, 7]}


def test_coupling_distributions():
    assert set(instances.edwards_anderson((6, 6), couplings="bimodal", seed=0).edges.couplings) == {-1, 1}
    assert set(instances.lattice_ferromagnet((3, 3)).edges.couplings) == {-1}
    with pytest.raises(InputError, match="one of gaussian, bimodal, seven_bit; got 'uniform'"):
        instances.edwards_anderson((3,), couplings="uniform", seed=0)


def test_patterns_lie_low():
    problem = instances.mattis(10, seed=3)
    spectrum = qspin.get_backend("exact").enumerate(problem)
    pattern = np.random.default_rng(3).choice([-1, 1], size=10)
    assert spectrum.ground_energy == pytest.approx(-(10 - 1) / 2)
    assert {tuple(s) for s in spectrum.ground_states()} == {tuple(pattern), tuple(-pattern)}
    np.testing.assert_array_equal(problem.known.patterns, [pattern])


@pytest.mark.parametrize(
    "problem",
    [
        instances.mattis(9, seed=2),
        instances.mattis(1, seed=2),
        instances.hopfield(8, 1, seed=4),
        instances.wishart(10, 0.8, seed=1),
        instances.lattice_ferromagnet((3, 3)),
        instances.lattice_ferromagnet((2, 3, 2), periodic=False),
        instances.lattice_ferromagnet((1,)),
    ],
    ids=str,
)
def test_all_ground_states_that_enumeration_finds_are_known(problem):
    spectrum = qspin.get_backend("exact").enumerate(problem)
    assert problem.known.ground_energy == pytest.approx(spectrum.ground_energy, abs=1e-12)
    found = {tuple(s) for s in spectrum.ground_states()}
    assert {tuple(s) for s in problem.known.ground_states} == found


def test_patterns_of_a_memory_are_known_and_its_ground_states_are_not():
    known = instances.hopfield(12, 3, seed=5).known
    np.testing.assert_array_equal(known.patterns, np.random.default_rng(5).choice([-1, 1], size=(3, 12)))
    assert (known.ground_energy, known.ground_states) == (None, None)
    assert instances.hopfield(12, 0, seed=5).known is None


def test_of_a_glass_nothing_is_known():
    assert instances.sherrington_kirkpatrick(6, seed=0).known is None
    assert instances.edwards_anderson((3, 3), seed=0).known is None


def test_maxcut_of_a_regular_graph():
    problem = instances.maxcut_regular(10, 3, seed=1)
    assert (np.diff(problem.csr.indptr) == 3).all()
    assert set(problem.edges.couplings) == {1}


@pytest.mark.parametrize("alpha", [0.2, 0.8, 1.5])
def test_the_planted_state_is_the_ground_state(alpha):
    problem = instances.wishart(14, alpha, seed=5)
    known, spectrum = problem.known, qspin.get_backend("exact").enumerate(problem)
    assert spectrum.ground_energy == pytest.approx(known.ground_energy)
    assert {tuple(s) for s in known.ground_states} <= {tuple(s) for s in spectrum.ground_states()}
    np.testing.assert_array_equal(known.ground_states[0], -known.ground_states[1])


def test_hardware_graphs_are_labelled_by_qubit():
    import dwave.graphs

    problem = instances.zephyr(2, couplings="bimodal", seed=0)
    graph = dwave.graphs.zephyr_graph(2)
    assert set(problem.labels) == set(graph.nodes)
    assert nx.utils.graphs_equal(nx.Graph(problem.to_networkx().edges()), nx.Graph(graph.edges()))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: instances.maxcut_regular(5, 3, seed=0), "even number of edge ends"),
        (lambda: instances.edwards_anderson((2, 2, 2, 2), seed=0), "one to three positive lengths"),
        (lambda: instances.edwards_anderson((0,), seed=0), "one to three positive lengths"),
        (lambda: instances.sherrington_kirkpatrick(0, seed=0), "n_spins must be at least 1; got 0"),
        (lambda: instances.wishart(10, 0.01, seed=0), "at least 1 vector"),
        (
            lambda: instances.diamond((2, 2), seed=0),
            r"three positive numbers of primitive cells; got \(2",
        ),
        (lambda: instances.diamond((2, 2, 2), periodic="no", seed=0), "true or false, or one of them a dir"),
        (lambda: instances.diamond((2, 2, 2), periodic=(True, False), seed=0), "each of 3 directions; got 2"),
        (lambda: instances.diamond((2, 2, 2), couplings="ternary", seed=0), "couplings must be one of"),
        (lambda: instances.edwards_anderson((3, 3), periodic=[True], seed=0), "each of 2 directions; got 1"),
        (lambda: instances.biclique(0, m=None, seed=0), "n must be at least 1; got 0"),
    ],
)
def test_impossible_instances(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize("couplings", ["bimodal", "seven_bit"])
@pytest.mark.parametrize("name", QUENCHES)
class TestQuenches:
    def make(self, name, couplings):
        return getattr(instances, name)(**QUENCHES[name], couplings=couplings, seed=1)

    def test_whole_chains_have_the_energy_of_the_logical_problem(self, name, couplings):
        problem = self.make(name, couplings)
        logical, chains = problem.known.logical, list(problem.known.groups.values())
        spins = np.random.default_rng(0).choice([-1, 1], size=(5, logical.n_spins))
        qubits = np.zeros((5, problem.n_spins), dtype=int)
        for k, chain in enumerate(chains):
            qubits[:, chain] = spins[:, [k]]
        assert (np.abs(qubits) == 1).all()
        inside = problem.n_couplings - logical.n_couplings
        np.testing.assert_allclose(problem.energies(qubits), logical.energies(spins) - 2.0 * inside)
        assert inside >= sum(len(chain) - 1 for chain in chains)

    def test_they_lie_on_the_couplers_of_the_device(self, name, couplings):
        from dwave.graphs import pegasus_graph, zephyr_graph

        problem = self.make(name, couplings)
        graph = pegasus_graph(4) if name == "cubic_dimers" else zephyr_graph(2)
        assert set(problem.labels) <= set(graph)
        for i, j in zip(*problem.edges[:2], strict=True):
            assert graph.has_edge(problem.labels[i], problem.labels[j])

    def test_couplings(self, name, couplings):
        values = self.make(name, couplings).known.logical.edges.couplings
        assert (np.abs(values) <= 1).all()
        assert (values * 128 == np.rint(values * 128)).all()
        assert (np.abs(values) == 1).all() == (couplings == "bimodal")


def test_dimers_form_a_cubic_lattice_and_fill_a_whole_device():
    known = instances.cubic_dimers((3, 2, 4), seed=0).known
    grid = nx.grid_graph((4, 2, 3))
    assert known.logical.n_couplings == grid.number_of_edges()
    assert list(known.groups) == [str(k) for k in range(24)]
    assert {len(chain) for chain in known.groups.values()} == {2}
    with pytest.raises(InputError, match=r"at most .15, 15, 12. on P_16; got .2, 2, 13."):
        instances.cubic_dimers((2, 2, 13), seed=0)


def test_bicliques_couple_every_pair_of_the_two_sides():
    logical = instances.biclique(5, seed=0).known.logical
    assert (logical.toarray()[:5, 5:] != 0).all()
    assert logical.n_couplings == 25
    with pytest.raises(InputError, match="does not fit on Z_1"):
        instances.biclique(50, m=1, seed=0)


@pytest.mark.parametrize(("name", "topology"), [("cubic_dimers", "pegasus"), ("biclique", "zephyr")])
def test_quenches_run_on_the_device_they_are_made_for(name, topology):
    settings = QUENCHES[name]
    problem = getattr(instances, name)(**settings, seed=1)
    samples = qspin.get_backend(
        "annealer", topology=topology, size=settings["m"], n_gauges=0, n_reads=5, n_sweeps=20
    ).sample(problem, seed=1)
    assert samples.info["pipeline"]["embedding"]["method"] == "native"
    assert samples.info["pipeline"]["scaling"]["factor"] == 1.0


@pytest.mark.parametrize(
    "make",
    [
        lambda: instances.sherrington_kirkpatrick(10**7, seed=0),
        lambda: instances.edwards_anderson((10**5, 10**5), seed=0),
        lambda: instances.lattice_ferromagnet((10**9, 10**9, 10**9)),
        lambda: instances.hopfield(10, 10**12, seed=0),
        lambda: instances.mattis(10**7, seed=0),
        lambda: instances.maxcut_regular(10**9, 4, seed=0),
        lambda: instances.wishart(10**6, 0.5, seed=0),
        lambda: instances.wishart(10**400, 0.5, seed=0),
        lambda: instances.wishart(10, 1e308, seed=0),
        lambda: instances.pegasus(10**5, seed=0),
        lambda: instances.zephyr(10**5, seed=0),
        lambda: instances.cubic_dimers((2, 2, 2), m=10**5, seed=0),
        lambda: instances.biclique(10**6, seed=0),
        lambda: instances.biclique(10**6, m=None, seed=0),
        lambda: instances.diamond((10**4, 10**4, 10**4), seed=0),
    ],
)
def test_what_would_not_fit_is_refused_before_memory_is_taken(make):
    with pytest.raises(CapacityError, match="GiB"):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: instances.sherrington_kirkpatrick("6", seed=0), "n_spins must be an integer; got '6'"),
        (lambda: instances.sherrington_kirkpatrick(6.0, seed=0), "n_spins must be an integer"),
        (lambda: instances.sherrington_kirkpatrick(6, seed=-1), "seed must be at least 0"),
        (lambda: instances.sherrington_kirkpatrick(6, seed="a"), "seed must be an integer"),
        (lambda: instances.sherrington_kirkpatrick(6, couplings=[1], seed=0), "couplings must be one of"),
        (lambda: instances.edwards_anderson(5, seed=0), "shape must be one to three positive lengths; got 5"),
        (lambda: instances.wishart(5, float("nan"), seed=0), "alpha must be finite"),
    ],
)
def test_types_are_checked(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_a_lattice_without_couplers():
    problem = qspin.instances.pegasus(1, seed=1)
    assert problem.n_couplings == 0
