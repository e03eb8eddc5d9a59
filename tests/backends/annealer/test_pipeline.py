"""Stages of the pipeline by themselves, against Ocean's own functions where there are any."""

from __future__ import annotations

import shutil

import dimod
import numpy as np
import pytest
from chips import programs_annealed
from dwave.embedding import embed_bqm
from dwave.system.temperatures import maximum_pseudolikelihood_temperature
from qspin_backends.annealer import chains, gauges, scaling
from qspin_backends.annealer.device import Limits
from qspin_backends.annealer.embeddings import kept
from qspin_backends.annealer.embeddings.embedding import Embedding, fault_of
from qspin_backends.annealer.embeddings.layout import lay_out
from qspin_backends.annealer.embeddings.search import embed
from qspin_backends.annealer.simulated import Imperfections, Simulated
from qspin_backends.common.effective import energy_matching, enumerated_energies, pseudo_likelihood
from qspin_backends.common.places import embeddings_folder
from qspin_backends.common.temperature import measured_temperatures

import qspin
from qspin.errors import CapacityError, InputError
from qspin.remarks import Level

LIMITS = Limits((-4, 4), (-1, 1), (-2, 1), (-18, 15), 10_000, 1e7)


def hardware(topology="zephyr", shape=(2, 4), working=1.0):
    return Simulated(topology, shape, working, 0, "thermal", 10, 1.0, Imperfections()).hardware


def annealer(**settings):
    return qspin.get_backend("annealer", **{"size": 2, "n_sweeps": 20, "n_reads": 10, **settings})


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("QSPIN_CACHE_DIR", str(tmp_path))
    return tmp_path / "embeddings"


@pytest.fixture
def embedded(glass):
    device = hardware()
    found = embed(glass, device, "auto", 0)
    return found, lay_out(glass, found, device), device


def programmed(layout, problem, strengths):
    """What a layout programs, as a BQM over qubits."""
    bqm = dimod.BQM(dimod.SPIN)
    bqm.add_linear_from(zip(layout.qubits.tolist(), layout.fields(problem.fields), strict=True))
    values = layout.couplings(problem.edges.couplings, strengths)
    for (i, j), value in zip(layout.couplers, values, strict=True):
        bqm.add_quadratic(int(layout.qubits[i]), int(layout.qubits[j]), value)
    return bqm


def dropping_first(samples, chains):
    return np.array([[row[chain[0]] for chain in chains] for row in samples])[1:], np.arange(1, len(samples))


def twice(bqm, embedding):
    return {variable: 2.0 for variable in bqm.variables}


def negative(bqm, embedding):
    return -1.0


class TestEmbedding:
    @pytest.mark.parametrize("method", ["clique", "minorminer"])
    def test_layout_programs_what_ocean_embeds(self, glass, method):
        device = hardware()
        found = embed(glass, device, method, 0)
        assert found.longest > 1
        layout = lay_out(glass, found, device)
        ours = programmed(layout, glass, np.full(10, 1.7))
        by_label = dict(zip(glass.labels, found.chains, strict=True))
        theirs = embed_bqm(glass.to_bqm(), by_label, device.graph.adj, chain_strength=1.7)
        theirs.offset = 0.0
        assert ours.is_almost_equal(theirs, places=10)

    def test_problems_on_the_qubits_of_the_device_need_no_chains(self):
        problem = qspin.instances.zephyr(2, seed=1)
        found = embed(problem, hardware(), "auto", 0)
        assert (found.method, found.longest) == ("native", 1)
        assert [chain[0] for chain in found.chains] == list(problem.labels)

    def test_sparse_graphs_are_searched_dense_ones_are_cliques(self, glass):
        lattice = qspin.instances.edwards_anderson((3, 3), seed=1)
        named = qspin.IsingProblem(lattice.couplings, labels=[f"s{k}" for k in range(9)])
        assert embed(named, hardware(), "auto", 0).method == "minorminer"
        assert embed(glass, hardware(), "auto", 0).method == "clique"

    @pytest.mark.parametrize(("topology", "shape"), [("zephyr", (2, 4)), ("pegasus", (3,))])
    def test_two_sides_are_a_biclique(self, topology, shape):
        sides = np.zeros((8, 8))
        sides[:4, 4:] = sides[4:, :4] = 1.0
        found = embed(qspin.IsingProblem(sides), hardware(topology, shape), "biclique", 0)
        assert found.method == "biclique"
        assert fault_of(found.chains, qspin.IsingProblem(sides), hardware(topology, shape)) is None

    def test_a_triangle_has_no_two_sides(self):
        with pytest.raises(InputError, match="needs a graph of two sides"):
            embed(qspin.IsingProblem(np.ones((3, 3)) - np.eye(3)), hardware(), "biclique", 0)

    def test_the_cache_is_read_and_a_damaged_one_is_made_anew(self, glass, cache):
        first = embed(glass, hardware(), "auto", 0)
        again = embed(glass.scaled(2.0), hardware(), "auto", 0)
        assert (first.cached, again.cached, again.chains) == (False, True, first.chains)
        (file,) = cache.iterdir()
        for content in ("{", '{"method": "clique", "chains": [[0]]}', '{"chains": 3}'):
            file.write_text(content)
            assert embed(glass, hardware(), "auto", 0) == first

    def test_the_cache_knows_device_graph_method_and_seed(self, glass, cache):
        other = qspin.instances.edwards_anderson((2, 5), periodic=False, seed=1)
        for problem, device, method, seed in [
            (glass, hardware(), "auto", 0),
            (glass, hardware(working=0.95), "auto", 0),
            (glass, hardware(), "minorminer", 0),
            (glass, hardware(), "auto", 1),
            (other, hardware(), "auto", 0),
        ]:
            assert not embed(problem, device, method, seed).cached
        assert embeddings_folder() == cache

    @pytest.mark.parametrize("place", ["QSPIN_CACHE_DIR", "HOME"])
    def test_without_a_place_for_the_cache_what_was_found_is_used(self, glass, monkeypatch, tmp_path, place):
        """Below a file nobody can make a folder, not even root."""
        (tmp_path / "file").touch()
        for name in ("QSPIN_CACHE_DIR", "XDG_CACHE_HOME"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(place, str(tmp_path / "file" / "below"))
        monkeypatch.setattr(kept, "_unkept", {})
        with pytest.warns(UserWarning, match=r"cannot be kept in .* \(Not a directory\)") as heard:
            first, again, other = (embed(glass, hardware(), "clique", seed) for seed in (0, 0, 1))
        assert [str(warning.message).split()[0] for warning in heard] == ["cliques", "embeddings"]
        assert (first.cached, again.cached, again.chains) == (False, True, first.chains)
        assert not other.cached
        with pytest.raises(CapacityError, match="up to 24 spins"):
            embed(qspin.instances.sherrington_kirkpatrick(70, seed=1), hardware(), "clique", 0)

    def test_cliques_are_kept_in_our_cache_alone(self, glass, cache, monkeypatch):
        def elsewhere(*args, **kwargs):
            raise AssertionError("busclique keeps them where it likes")

        monkeypatch.setattr("homebase.user_data_dir", elsewhere)
        found = embed(glass, hardware(), "clique", 0)
        kept = [path for path in (cache.parent / "busclique").rglob("*") if path.is_file()]
        assert kept
        for file in kept:
            file.write_bytes(b"damaged")
        shutil.rmtree(cache)
        with pytest.warns(UserWarning, match="cliques of devices cannot be kept"):
            assert embed(glass, hardware(), "clique", 0) == found

    def test_chains_may_be_given(self):
        pair = qspin.IsingProblem([[0, 1], [1, 0]], labels=["a", 7])
        u, v = map(int, hardware().couplers[0])
        samples = annealer(embedding={"a": [u], "7": [v]}).sample(pair, seed=1)
        assert samples.info["pipeline"]["embedding"]["chains"] == [[u], [v]]

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"a": [0]}, "embedding has no chain for 'b'"),
            ({"a": [0], "b": [10**6]}, "does not fit zephyr 2x4"),
            ({"a": [0], "b": [0]}, "ChainOverlap"),
            ({"a": [0], "b": [40]}, "MissingEdge"),
            ({"a": [0, 40], "b": [80]}, "DisconnectedChain"),
        ],
    )
    def test_chains_that_are_none(self, given, message):
        pair = qspin.IsingProblem([[0, 1], [1, 0]], labels=["a", "b"])
        with pytest.raises(InputError, match=message):
            annealer(embedding=given).sample(pair, seed=1)

    def test_a_function_may_find_chains(self):
        free = qspin.IsingProblem(np.zeros((3, 3)), labels=["a", "b", "c"])
        samples = annealer(embedding="test_pipeline:first_qubits").sample(free, seed=1)
        assert samples.info["pipeline"]["embedding"]["chains"] == [[0], [1], [2]]
        with pytest.raises(InputError, match="must return a mapping from 0 to n_spins - 1"):
            annealer(embedding="test_pipeline:negative").sample(free, seed=1)

    def test_what_does_not_fit_tells_what_would(self):
        large = qspin.instances.sherrington_kirkpatrick(70, seed=1)
        with pytest.raises(CapacityError, match="up to 24 spins fits there.*zephyr 5 would hold"):
            annealer().check(large)
        assert embed(large, hardware(shape=(5, 4)), "clique", 0).longest > 1
        with pytest.raises(CapacityError, match="pegasus 7 would hold"):
            annealer(topology="pegasus").check(large)
        assert embed(large, hardware("pegasus", (7,)), "clique", 0).longest > 1
        full = qspin.instances.sherrington_kirkpatrick(24, seed=1)  # fits where every qubit works
        with pytest.raises(CapacityError, match="a `size` above 2") as refused:
            annealer(size=2, working=0.5).check(full)
        assert "would hold" not in str(refused.value)


def first_qubits(source, target):
    return {node: [qubit] for node, qubit in zip(source, sorted(target), strict=False)}


class TestGauges:
    def test_a_gauge_changes_no_energy(self, glass):
        (gauge,) = gauges.draw_gauges(1, 10, seed=3)
        renamed = qspin.IsingProblem.from_edges(
            10, glass.edges.i, glass.edges.j, gauges.gauged_couplings(glass, gauge), glass.fields * gauge
        )
        spins = np.random.default_rng(0).choice([-1, 1], size=(20, 10))
        np.testing.assert_allclose(renamed.energies(spins * gauge), glass.energies(spins))

    def test_no_gauge_changes_nothing(self):
        assert (gauges.draw_gauges(0, 5, seed=1) == 1).all()

    def test_gauges_are_recorded(self, glass):
        dataset = annealer(n_gauges=3).sample(glass, seed=1).dataset
        assert dataset.gauge_spins.shape == (3, 10)
        assert np.bincount(dataset.gauge.values.ravel()).tolist() == [4, 3, 3]
        assert len(np.unique(dataset.gauge_spins, axis=0)) == 3


class TestScaling:
    def fitted(self, problem, strength=0.0, gauged=False, extended=True, limits=LIMITS, scale=1.0):
        device = hardware()
        layout = lay_out(problem, embed(problem, device, "auto", 0), device)
        strengths = np.full(problem.n_spins, strength)
        return scaling.fit(problem, layout, scale, strengths, limits, gauged=gauged, extended=extended)

    def pair(self, coupling, field=0.0):
        u, v = map(int, hardware().couplers[0])
        return qspin.IsingProblem([[0, coupling], [coupling, 0]], fields=[field, 0], labels=[u, v])

    @pytest.mark.parametrize(
        ("coupling", "gauged", "extended", "factor"),
        [
            (0.5, False, True, 1.0),  # never stretched
            (2.0, False, True, 0.5),
            (-2.0, False, True, 1.0),  # the extended range
            (-2.0, False, False, 0.5),
            (-2.0, True, True, 0.5),  # a gauge may turn it round
        ],
    )
    def test_couplings(self, coupling, gauged, extended, factor):
        assert self.fitted(self.pair(coupling), gauged=gauged, extended=extended).factor == pytest.approx(
            factor
        )

    def test_fields_scales_and_sums(self):
        assert self.fitted(self.pair(0.1, field=-8.0)) == scaling.Fit(0.5, "h_range")
        assert self.fitted(self.pair(0.5), scale=4.0).factor == pytest.approx(0.5)
        tight = Limits((-4, 4), (-1, 1), (-2, 1), (-0.2, 0.2), 10, 1.0)
        assert self.fitted(self.pair(0.4), limits=tight) == scaling.Fit(0.5, "per_qubit_coupling_range")

    def test_chains_use_the_extended_range(self, glass):
        assert self.fitted(glass.scaled(0.1), strength=4.0, gauged=True) == scaling.Fit(
            0.5, "extended_j_range"
        )
        fit = self.fitted(glass.scaled(0.1), strength=4.0, gauged=True, extended=False)
        assert fit == scaling.Fit(0.25, "j_range of chains")

    @pytest.mark.parametrize("n_gauges", [0, 4])
    def test_every_program_lies_in_range(self, glass, n_gauges, monkeypatch):
        seen = programs_annealed(monkeypatch)
        annealer(betas=[0.5, 30.0], n_gauges=n_gauges).sample(glass, seed=1)
        for program in seen:
            assert np.abs(program.fields).max() <= 4
            assert -2 <= program.couplings.min() <= program.couplings.max() <= 1
        assert min(program.couplings.min() for program in seen) == pytest.approx(-2)


class TestChains:
    def test_rules_of_strength(self, glass, embedded):
        found = embedded[0]
        from dwave.embedding.chain_strength import uniform_torque_compensation

        torque = uniform_torque_compensation(glass.scaled(2.0).to_bqm())

        def strength(rule, temperature=None, scale=2.0):
            return chains.chain_strengths(glass, found, scale, rule, temperature)[0]

        assert strength("uniform_torque_compensation", 9.0) == pytest.approx(torque)
        assert strength("auto") == pytest.approx(torque)
        assert strength("auto", 9.0) == pytest.approx(27.0)
        assert strength(1.5) == 1.5
        assert strength(twice) == 2.0
        with pytest.raises(InputError, match="must return positive strengths; got -1"):
            strength(negative)
        for endless in (np.inf, np.nan):
            with pytest.raises(InputError, match=f"must return positive strengths; got {endless}"):
                strength(lambda bqm, embedding, endless=endless: endless)
        with pytest.raises(InputError, match="must return a number or a mapping"):
            strength(lambda bqm, embedding: "strong")

    def test_majority_is_taken_and_ties_are_fair(self):
        pair = qspin.IsingProblem([[0, 1], [1, 0]])
        device = hardware()
        u, v = map(int, device.couplers[0])
        w = next(q for q in device.graph[v] if q != u)
        longer = next(q for q in device.graph[w] if q not in (u, v))
        layout = lay_out(pair, Embedding(((u, v), (w, longer)), "given"), device)
        reads = np.ones((2_000, 4), dtype=np.int8)
        reads[:, np.flatnonzero(layout.spin_of == 0)[0]] = -1
        got = chains.unembed(reads, layout.spin_of, "majority_vote", pair, np.random.default_rng(0))
        ups = (got.spins[:, 0] == 1).sum()
        assert abs(ups - 1_000) < 4 * np.sqrt(500)
        assert (got.spins[:, 1] == 1).all()
        assert (got.break_fraction == 0.5).all()

    def test_energy_decides_or_the_read_is_left_out(self, embedded, glass):
        layout = embedded[1]
        reads = np.random.default_rng(1).choice(np.array([-1, 1], np.int8), size=(30, len(layout.qubits)))
        reads[0] = 1
        rng = np.random.default_rng(0)
        greedy, voted, whole = (
            chains.unembed(reads, layout.spin_of, rule, glass, rng)
            for rule in ("minimize_energy", "majority_vote", "discard")
        )
        assert glass.energies(greedy.spins).mean() < glass.energies(voted.spins).mean()
        assert whole.kept.tolist() == [0]
        own = chains.unembed(reads, layout.spin_of, dropping_first, glass, rng)
        assert own.kept.tolist() == list(range(1, 30))

    def test_reads_that_are_left_out_are_counted(self, glass):
        samples = annealer(unembedding="discard", chain_strength=1.2, n_reads=50, physics="thermal").sample(
            glass, seed=1
        )
        kept = samples.spins.sizes["replica"]
        assert 0 < kept < 50
        assert samples.remarks[0].code == "reads-left-out"
        assert f"left out {50 - kept} reads" in samples.remarks[0].text
        assert (samples.dataset.chain_break_fraction == 0).all()

    def test_no_read_left_is_said(self, glass):
        with pytest.raises(qspin.errors.RunError, match="no read is left"):
            annealer(unembedding="discard", chain_strength=0.01).sample(glass, seed=1)


class TestEffectiveTemperature:
    @pytest.fixture
    def reads(self, glass):
        samples = qspin.get_backend("exact", betas=[0.8], n_replicas=400).sample(glass, seed=1)
        return samples.spins.values[0, :, 0], samples.energies.values[0, :, 0]

    def test_it_is_that_of_ocean_and_so_is_the_error_of_a_bootstrap(self, glass, reads):
        spins, _ = reads
        ours = pseudo_likelihood(glass, spins, np.zeros(400, int))
        temperature, bootstrap = maximum_pseudolikelihood_temperature(
            glass.to_bqm(), (spins, list(glass.labels)), num_bootstrap_samples=400, seed=1
        )
        assert ours.beta == pytest.approx(1 / temperature, rel=1e-6)
        assert ours.error == pytest.approx(np.std(1 / bootstrap), rel=0.2)

    def test_error_bars_cover(self):
        """One in three lies beyond one standard error, one in twenty beyond two."""
        deviations = []
        for seed in range(200):
            problem = qspin.instances.sherrington_kirkpatrick(8, seed=seed)
            samples = qspin.get_backend("exact", betas=[0.6], n_replicas=300).sample(problem, seed=seed)
            estimate = pseudo_likelihood(problem, samples.spins.values[0, :, 0], np.arange(300) % 10)
            deviations.append((estimate.beta - 0.6) / estimate.error)
        within = np.mean(np.abs(deviations) < 2)
        assert within > 0.95 - 4 * np.sqrt(0.95 * 0.05 / 200)

    def test_energy_matching_is_maximum_likelihood(self, glass, reads):
        spins, energies = reads
        estimate = energy_matching(glass, spins, enumerated_energies(glass))
        exact = qspin.get_backend("exact").enumerate(glass)
        assert exact.mean_energy(estimate.beta) == pytest.approx(energies.mean())
        assert abs(estimate.beta - 0.8) < 4 * estimate.error

    @pytest.mark.parametrize("beta", [0.3, 1.0, 2.0])
    def test_wide_couplings_hide_no_temperature(self, beta):
        """SK-10 and one bond of -300: gaps of 1 in a spectrum 600 wide."""
        couplings = qspin.instances.sherrington_kirkpatrick(10, seed=4).toarray()
        couplings[0, 1] = couplings[1, 0] = -300.0
        for factor, offset in ((1.0, 0.0), (2.0**-40, 0.0), (1.0, 2.0**30)):
            problem = qspin.IsingProblem(couplings * factor, offset=offset)
            exact = qspin.get_backend("exact", betas=[beta / factor], n_replicas=2_000)
            spins = exact.sample(problem, seed=3).spins.values[0, :, 0]
            estimate = energy_matching(problem, spins, enumerated_energies(problem))
            assert abs(estimate.beta * factor - beta) < 4 * estimate.error * factor
            assert estimate.error * factor < 0.15
            mirrored = energy_matching(qspin.IsingProblem(-couplings), spins, -enumerated_energies(problem))
            if factor == 1 and not offset:
                assert mirrored.beta == pytest.approx(-estimate.beta)

    def test_energies_that_differ_by_rounding_tell_no_temperature(self):
        """Couplings +-1/sqrt(10): ground states whose energies differ in the last digits."""
        signs = np.sign(qspin.instances.sherrington_kirkpatrick(10, seed=7).toarray()) / np.sqrt(10)
        problem = qspin.IsingProblem(signs, offset=3.0)
        ground = qspin.get_backend("exact").enumerate(problem).ground_states()
        reads = ground[np.arange(100) % len(ground)]
        estimate = energy_matching(problem, reads, enumerated_energies(problem))
        assert np.isnan([estimate.beta, estimate.error]).all()
        assert "all reads are ground states" in estimate.reason
        highest = qspin.get_backend("exact").enumerate(problem.scaled(-1)).ground_states()[:1]
        estimate = energy_matching(problem, np.repeat(highest, 9, axis=0), enumerated_energies(problem))
        assert "highest energy" in estimate.reason
        assert "got 1" in energy_matching(problem, reads[:1], enumerated_energies(problem)).reason
        free = qspin.IsingProblem(np.zeros((3, 3)))
        spins = np.ones((5, 3), np.int8)
        assert "one energy" in energy_matching(free, spins, enumerated_energies(free)).reason

    def test_a_rounded_local_field_is_no_excitation(self):
        """A spin whose couplings of 0.1, 0.2 and -0.3 cancel but for 6e-17 is free."""
        problem = qspin.IsingProblem.from_edges(4, [0, 0, 0], [1, 2, 3], [0.1, 0.2, -0.3], [0, -9, -9, -9])
        spins = np.ones((300, 4), np.int8)
        spins[::2, 0] = -1
        estimate = pseudo_likelihood(problem, spins, np.zeros(300, int))
        assert np.isnan(estimate.beta)
        assert "only 0 spins" in estimate.reason

    def test_reads_that_happen_to_be_alike_are_not_exact(self, glass):
        levels = enumerated_energies(glass)
        excited = qspin.get_backend("exact").enumerate(glass).configurations(np.argsort(levels)[2:3])
        estimate = energy_matching(glass, np.repeat(excited, 20, axis=0), levels)
        assert np.isfinite(estimate.beta)
        assert estimate.error > 0.05

    def test_scattering_gauges_widen_the_error(self, glass, reads):
        spins, energies = reads
        order = np.argsort(energies)
        apart = np.empty(400, int)
        apart[order] = np.arange(400) // 100
        assert (
            pseudo_likelihood(glass, spins, apart).error
            > 2 * pseudo_likelihood(glass, spins, order % 4).error
        )

    @pytest.mark.parametrize(
        ("problem", "spins", "broken", "reason"),
        [
            ("glass", "ground", 0.0, "only 0 spins in 400 reads could lower the energy"),
            ("free", "reads", 0.0, "neither couplings nor fields"),
            ("glass", "reads", 0.5, "50% of the chains are broken"),
        ],
    )
    def test_what_cannot_be_told_is_not_a_number(self, glass, reads, problem, spins, broken, reason):
        ground = np.repeat(qspin.get_backend("exact").enumerate(glass).ground_states()[:1], 400, axis=0)
        chosen = glass if problem == "glass" else qspin.IsingProblem(np.zeros((10, 10)))
        values = ground if spins == "ground" else reads[0]
        estimate = pseudo_likelihood(chosen, values, np.zeros(400, int), broken)
        assert np.isnan([estimate.beta, estimate.error]).all()
        assert reason in estimate.reason

    def test_reads_of_no_temperature_are_warned_about(self):
        """A ring with two domains in every read: single spins look cold, the energy looks hot."""
        ring = qspin.IsingProblem.from_edges(10, range(10), [*range(1, 10), 0], [-1.0] * 10)
        spins = np.ones((1, 400, 10), dtype=np.int8)
        spins[:, :, :5] = -1
        spins[:, :40, 1:5] = 1  # a single spin against its neighbours
        measured = measured_temperatures(ring, spins, np.zeros((1, 400), int), np.zeros(1), ["at scale 1"])
        (remark,) = measured.remarks
        assert (remark.code, remark.level) == ("not-boltzmann", Level.SERIOUS)
        assert remark.text.startswith("at scale 1 single spins")
        assert "the reads follow no Boltzmann distribution of the problem" in remark.text

    def test_no_spin_no_temperature(self):
        samples = annealer().sample(qspin.IsingProblem(np.zeros((0, 0))), seed=1)
        assert samples.spins.shape == (1, 10, 1, 0)


class TestSettings:
    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"embedding": "cliqe"}, "expected 'auto', 'native', 'clique'"),
            (
                {"chain_strength": "strong"},
                "expected 'auto', 'uniform_torque_compensation', a positive number",
            ),
            ({"chain_strength": -1}, "greater than 0"),
            ({"unembedding": "vote"}, "expected 'majority_vote', 'minimize_energy', 'discard'"),
            ({"annealing_time": 1, "anneal_schedule": [[0, 0], [1, 1]]}, "give one of them"),
            (
                {"initial_state": [1]},
                "of a reverse anneal, which needs an anneal_schedule that starts at s = 1",
            ),
            ({"anneal_schedule": []}, "at least two points .*; got 0"),
            ({"anneal_schedule": [[0, 0]]}, "at least two points .*; got 1"),
            ({"device": "qpu", "topology": "none"}, "a QPU has a topology"),
            ({"fast_anneal": True, "anneal_schedule": [[0, 0], [1, 1]]}, "leave one of them out"),
            ({"working": 0}, "greater than 0"),
            ({"flux_biases": "here"}, "expected an import path"),
        ],
    )
    def test_refused_at_once(self, settings, message):
        with pytest.raises(InputError, match=message):
            qspin.get_backend("annealer", **settings)

    def test_a_missing_function_is_named(self, glass):
        with pytest.raises(InputError, match="did you mean 'first_qubits'"):
            annealer(embedding="test_pipeline:first_qubit").check(glass)
        with pytest.raises(InputError, match="cannot be imported"):
            annealer(unembedding="no_such_module:vote").check(glass)

    def test_initial_states_by_label(self):
        pair = qspin.IsingProblem([[0, 1], [1, 0]], labels=["a", 7])
        settings = {"anneal_schedule": [[0, 1], [1, 0.5], [2, 1]], "topology": "none"}
        annealer(initial_state={"a": 1, "7": -1}, **settings).check(pair)
        with pytest.raises(InputError, match="no value for 7"):
            annealer(initial_state={"a": 1}, **settings).check(pair)

    def test_a_reverse_anneal_starts_somewhere(self, glass):
        sampler = annealer(anneal_schedule=[[0, 1], [1, 1]], topology="none")
        for call in (sampler.check, sampler.workload, sampler.sample):
            with pytest.raises(InputError, match="give the setting initial_state, or initial to sample"):
                call(glass)
