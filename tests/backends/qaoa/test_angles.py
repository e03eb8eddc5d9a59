"""Where angles come from: tables, formulas, training, other runs."""

from __future__ import annotations

import json
import re

import networkx as nx
import numpy as np
import pytest
from conftest import ROOT
from qspin_backends.qaoa.ansatz import Angles
from qspin_backends.qaoa.objective import Expectation
from qspin_backends.qaoa.schedules import fourier_matrices, interpolated, linear_ramp, quench, quench_along
from qspin_backends.qaoa.statevector import StateVector
from qspin_backends.qaoa.steps import step_angle
from qspin_backends.qaoa.tables import coupling_scale, published, regular_degree, table_angles
from scipy.integrate import solve_ivp

import qspin
from qspin.errors import CapacityError, InputError
from qspin.progress import listening
from qspin.remarks import Level
from qspin.schedules import schedule_of
from qspin.theory import ring_kinks

SK8 = qspin.instances.sherrington_kirkpatrick(8, seed=1)
CUBIC = qspin.IsingProblem.from_networkx(nx.random_regular_graph(3, 12, seed=1))


def qaoa(**settings):
    return qspin.get_backend("qaoa", **{"n_shots": 20, **settings})


def energy(problem, angles):
    with StateVector(problem) as vector:
        return vector.value(angles, Expectation())


class TestTables:
    @pytest.mark.parametrize("name", ["sk", "regular"])
    def test_they_are_the_published_figures(self, name):
        file = "qaoa_sk_angles.json" if name == "sk" else "qaoa_regular_graph_angles.json"
        reference = ROOT.parent / "shared" / "reference" / file
        if not reference.is_file():
            pytest.skip(f"{file} is not beside this checkout (../shared/reference)")
        rows = "depths" if name == "sk" else "degrees"
        assert published()[name][rows] == json.loads(reference.read_text())[rows]

    def test_every_row_has_its_depth(self):
        for depth, row in published()["sk"]["depths"].items():
            assert len(row["gamma"]) == len(row["beta"]) == int(depth)
        for degree in published()["regular"]["degrees"].values():
            for depth, row in degree.items():
                assert len(row["gamma"]) == len(row["beta"]) == int(depth)

    def test_a_factor_on_all_energies_changes_nothing(self):
        for problem in (SK8, CUBIC):
            for depth in (1, 3):
                mine, other = (table_angles(p, depth)[0] for p in (problem, problem.scaled(7.0)))
                np.testing.assert_allclose(other.gamma * 7, mine.gamma, rtol=1e-12)
                assert energy(problem.scaled(7.0), other) == pytest.approx(7 * energy(problem, mine))

    def test_couplings_of_variance_one_over_n_have_scale_one(self):
        scales = [coupling_scale(qspin.instances.sherrington_kirkpatrick(12, seed=k)) for k in range(200)]
        assert abs(np.mean(np.square(scales)) - 1) < 4 * np.std(np.square(scales)) / np.sqrt(200)

    def test_a_sign_on_bipartite_couplings_changes_nothing(self):
        """Spins of one side are reversed: a gauge."""
        graph = nx.hypercube_graph(3)
        for depth in (1, 2):
            values = [
                energy(problem, table_angles(problem, depth)[0])
                for sign in (1, -1)
                for problem in [qspin.IsingProblem.from_networkx(graph).scaled(sign)]
            ]
            assert values[0] == pytest.approx(values[1])
            assert values[0] < 0

    @pytest.mark.parametrize(
        ("problem", "degree"),
        [
            (CUBIC, 3),
            (qspin.IsingProblem.from_networkx(nx.random_regular_graph(4, 12, seed=1)), 4),
            (qspin.IsingProblem.from_networkx(nx.path_graph(6)), None),
            (qspin.IsingProblem.from_networkx(nx.complete_graph(5)), None),
            (qspin.IsingProblem(CUBIC.couplings, np.ones(12)), None),
            (qspin.IsingProblem(np.zeros((4, 4))), None),
            (SK8, None),
        ],
    )
    def test_which_graphs_have_a_table_of_their_own(self, problem, degree):
        assert regular_degree(problem) == degree

    def test_the_source_is_recorded(self):
        origin = qaoa().sample(CUBIC, seed=1).info["angles"]["origin"]
        assert origin["table"] == "regular graphs of degree 3"
        assert "Wurtz" in origin["source"]
        assert "Basso" in qaoa().sample(SK8, seed=1).info["angles"]["origin"]["source"]

    def test_a_depth_that_is_not_in_the_table(self):
        sampler = qaoa(depth=40)
        for ask in (sampler.check, sampler.sample):
            with pytest.raises(InputError, match="depths 1 to 17, not 40; take angles: linear_ramp"):
                ask(SK8)


class TestFormulas:
    def test_a_ramp_rises_and_falls(self):
        ramp = linear_ramp(4, step=0.8)
        np.testing.assert_allclose(ramp.gamma, [0.1, 0.3, 0.5, 0.7])
        np.testing.assert_allclose(ramp.beta, [0.7, 0.5, 0.3, 0.1])

    def test_interpolation_keeps_ends_and_straight_lines(self):
        longer = interpolated(Angles.of([1.0, 2.0], [3.0, 1.0]))
        np.testing.assert_allclose(longer.gamma, [1.0, 1.5, 2.0])
        np.testing.assert_allclose(longer.beta, [3.0, 2.0, 1.0])
        np.testing.assert_allclose(interpolated(Angles.of([0.7], [0.2])).gamma, [0.7, 0.7])

    def test_as_many_fourier_terms_as_layers_reach_every_angle(self):
        for matrix in fourier_matrices(5, 5):
            assert np.linalg.matrix_rank(matrix) == 5

    def test_a_quench_converges_to_the_schroedinger_equation(self):
        """Error falls as the square of the step: the splitting is symmetric."""
        n, time = 4, 3.0
        problem = qspin.instances.sherrington_kirkpatrick(n, seed=2)
        spins = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
        energies = problem.energies(spins)

        def slope(t, state):
            s = t / time
            mixed = sum(state[np.arange(2**n) ^ (1 << q)] for q in range(n))
            return -1j * (-(1 - s) * mixed + s * energies * state)

        start = np.full(2**n, 2 ** (-n / 2), dtype=complex)
        exact = solve_ivp(slope, (0, time), start, rtol=1e-10, atol=1e-12).y[:, -1]
        errors = []
        for n_steps in (20, 40, 80):
            with StateVector(problem) as vector:
                angles = quench(time, n_steps, [(0, 1, 0), (1, 0, 1)])
                errors.append(np.abs(vector.probabilities(angles) - np.abs(exact) ** 2).max())
        assert errors[2] < 1e-4
        np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 4, rtol=0.1)

    def test_a_slow_quench_ends_in_the_ground_state(self):
        exact = qspin.get_backend("exact").enumerate(SK8)
        sampler = qaoa(ansatz="quench", depth=400, quench_time=200.0, n_shots=100)
        energies = sampler.sample(SK8, seed=1).energies.values
        assert (energies < exact.ground_energy + 1e-9).mean() > 0.9

    @pytest.mark.parametrize("schedule", ["linear", "quadratic"])
    def test_along_the_schedule_of_an_annealer_it_ends_where_schrodingers_equation_does(self, schedule):
        """By exponentials of H / h = -Gamma sum X + kappa E; errors fall as the square of the steps."""
        from scipy.linalg import expm

        problem, ns = qspin.instances.edwards_anderson((2, 2), seed=3), 1.3
        followed = schedule_of(schedule, 2.5)
        spins = 1 - 2 * ((np.arange(16)[:, None] >> np.arange(4)) & 1)
        flips = sum(np.kron(np.kron(np.eye(2 ** (3 - k)), [[0, 1], [1, 0]]), np.eye(2**k)) for k in range(4))
        state, n = np.full(16, 0.25, dtype=complex), 800
        for s in (np.arange(n) + 0.5) / n:
            transverse, problem_field = followed.fields(np.float64(s))
            energies = problem_field * problem.energies(spins)
            state = expm(-2j * np.pi * (np.diag(energies) - transverse * flips) * ns / n) @ state
        course, distances = followed.course([(0.0, 0.0), (ns, 1.0)]), []
        for depth in (32, 64, 128):
            with StateVector(problem) as engine:
                found = engine.probabilities(quench_along(course, depth))
            distances.append(np.abs(found - np.abs(state) ** 2).max())
        assert distances[-1] < 5e-4
        assert 3 < distances[0] / distances[1] < 6
        assert 3 < distances[1] / distances[2] < 6

    def test_long_steps_are_told_with_the_depth_that_makes_them_short(self):
        """A ring for 4 ns: in 48 steps its kinks are those of the steps, in as many as are named its own."""
        ring = qspin.instances.lattice_ferromagnet((12,))

        def read(depth):
            return qaoa(
                ansatz="quench", schedule="linear", transverse_field=3.0, annealing_time=0.004, depth=depth
            ).sample(ring, seed=1)

        def told(samples):
            return [remark for remark in samples.remarks if remark.code == "long-trotter-steps"]

        def kinks(samples):
            return (samples.info["expected_energy"] / 12 + 1) / 2

        exact = float(ring_kinks(12, schedule_of("linear", 3.0), 4.0).kink_density[0])
        coarse, rough = read(48), read(30)
        (caution,), (serious,) = told(coarse), told(rough)
        assert (caution.level, serious.level) == (Level.CAUTION, Level.SERIOUS)
        assert "one of 48 Trotter steps turns a spin by up to 3.1 rad" in caution.text
        enough = int(re.search(r"and depth (\d+) makes that 1 rad", caution.text).group(1))
        assert enough == pytest.approx(4 * np.pi * 3 * 4, rel=0.05)
        fine = read(enough)
        assert told(fine) == []
        assert abs(kinks(fine) - exact) < 0.05 * exact < 0.2 * exact < abs(kinks(coarse) - exact)

    def test_fields_of_neighbours_turn_spins_too(self):
        pair = qspin.IsingProblem([[0, -3], [-3, 0]], [0.0, 1.0])
        assert step_angle(pair, Angles.of([0.1, 0.2], [0.3, 0.1])) == pytest.approx(2 * 0.2 * 4)
        assert step_angle(pair, Angles.of([0.01, 0.02], [0.3, 0.1])) == pytest.approx(0.6)

    def test_a_schedule_is_piecewise_linear(self):
        angles = quench(10.0, 10, [(0, 2, 0), (0.5, 0, 0), (1, 0, 3)])
        np.testing.assert_allclose(angles.gamma[:5], 0)
        np.testing.assert_allclose(angles.gamma[5:], 3 * np.linspace(0.1, 0.9, 5))
        assert (angles.beta[5:] == 0).all()


class TestTraining:
    @pytest.mark.parametrize("objective", ["expectation", "cvar", "gibbs"])
    @pytest.mark.parametrize("problem", [SK8, qspin.IsingProblem(SK8.couplings, np.full(8, 0.3), 2.0)])
    def test_optimise_is_never_above_its_starts(self, objective, problem):
        origin = (
            qaoa(depth=2, angles="optimise", objective=objective)
            .sample(problem, seed=3)
            .info["angles"]["origin"]
        )
        training = origin["training"]
        assert set(training["starts"]) == {"table", "linear_ramp", "random 3"}
        for record in training["starts"].values():
            assert training["value"] <= record["value"] <= record["start"]
            assert record["converged"]

    def test_no_iteration_returns_the_start(self):
        info = qaoa(depth=3, angles="optimise", n_starts=1, n_iterations=1).sample(SK8, seed=3).info
        record = info["angles"]["origin"]["training"]["starts"]["table"]
        assert record["value"] <= record["start"]
        assert info["expected_energy"] == pytest.approx(record["value"])

    @pytest.mark.parametrize("angles", ["interp", "fourier"])
    def test_depth_by_depth_energies_fall(self, angles):
        info = qaoa(depth=4, angles=angles).sample(SK8, seed=3).info
        records = info["angles"]["origin"]["training"]["depths"]
        values = [record["value"] for record in records]
        assert [record["depth"] for record in records] == [1, 2, 3, 4]
        assert values == sorted(values, reverse=True)
        assert info["expected_energy"] == pytest.approx(values[-1])
        assert values[-1] < energy(SK8, table_angles(SK8, 4)[0])

    @pytest.mark.parametrize("angles", ["interp", "fourier"])
    def test_progress_tells_what_each_depth_came_to(self, angles):
        heard = []
        with listening(heard.append):
            info = qaoa(depth=3, angles=angles).sample(SK8, seed=1).info
        told = [progress.figures["objective"] for progress in heard if "objective" in progress.figures]
        values = [record["value"] for record in info["angles"]["origin"]["training"]["depths"]]
        assert told == values[:-1]

    def test_fewer_fourier_terms_are_a_smaller_space(self):
        few, all_ = (
            qaoa(depth=4, angles="fourier", fourier_terms=q).sample(SK8, seed=3).info["expected_energy"]
            for q in (1, 4)
        )
        assert few >= all_ - 1e-9

    def test_more_angles_reach_lower_energies(self):
        shared, multi = (
            qaoa(angles="optimise", multi_angle=flag).sample(SK8, seed=3).info for flag in (False, True)
        )
        assert multi["expected_energy"] < shared["expected_energy"] - 0.1
        assert np.shape(multi["angles"]["gamma"]) == (1, 28)
        assert np.shape(multi["angles"]["beta"]) == (1, 8)

    def test_units_do_not_matter(self):
        one, other = (
            qaoa(depth=2, angles="optimise").sample(problem, seed=3).info["expected_energy"] * factor
            for problem, factor in ((SK8, 1e3), (SK8.scaled(1e3), 1.0))
        )
        assert one == pytest.approx(other, rel=1e-6)

    def test_large_sparse_problems_are_trained_on_light_cones(self):
        ring = qspin.IsingProblem.from_edges(40, range(40), [*range(1, 40), 0], [1.0] * 40)
        sampler = qaoa(angles="optimise", depth=2, n_shots=400)
        samples = sampler.sample(ring, seed=1)
        origin = samples.info["angles"]["origin"]
        assert origin["engine"] == "LightCones"
        assert origin["training"]["value"] == pytest.approx(-40 * 2 / 3, rel=1e-6)  # (2p + 1) / (2p + 2) cut
        assert samples.info["device"]["method"] == "matrix_product_state"
        energies = samples.energies.values.ravel()
        assert abs(energies.mean() + 80 / 3) < 4 * energies.std() / 20

    @pytest.mark.parametrize(
        ("problem", "settings", "message"),
        [
            (
                qspin.instances.sherrington_kirkpatrick(28, seed=1),
                {},
                "sees more than 20 of them; lower depth",
            ),
            (
                qspin.IsingProblem.from_edges(40, range(39), range(1, 40), [1.0] * 39),
                {"objective": "cvar"},
                "light cones give the expectation",
            ),
        ],
    )
    def test_what_cannot_be_trained(self, problem, settings, message):
        sampler = qaoa(angles="optimise", **settings)
        for ask in (sampler.check, sampler.sample):
            with pytest.raises(CapacityError, match=message):
                ask(problem)


class TestGiven:
    def test_transferred_angles_go_with_the_coupling_scale(self, tmp_path):
        qaoa(depth=2, angles="optimise").sample(SK8, seed=3).save(tmp_path / "a.nc")
        sampler = qaoa(depth=2, angles="transfer", angles_from=str(tmp_path / "a.nc"))
        trained = qspin.SampleSet.load(tmp_path / "a.nc").info
        own = sampler.sample(SK8.scaled(3.0), seed=1).info
        assert own["expected_energy"] == pytest.approx(3 * trained["expected_energy"])
        origin = own["angles"]["origin"]
        assert (origin["name"], origin["from_angles"]["name"]) == ("transfer", "optimise")
        assert origin["from_problem"] == SK8.digest

    def test_angles_are_used_as_they_are(self):
        info = qaoa(depth=2, angles={"gamma": [0.1, 0.2], "beta": [0.3, 0.4]}).sample(SK8, seed=1).info
        assert info["angles"]["gamma"] == [0.1, 0.2]
        assert info["angles"]["beta"] == [0.3, 0.4]
        assert info["angles"]["origin"] == {"name": "given"}

    def test_arrays_are_lists(self):
        gamma, beta = np.array([0.1, 0.2]), np.array([0.3, 0.4])
        assert qaoa(depth=2, angles={"gamma": gamma, "beta": beta}).angles["gamma"] == (0.1, 0.2)

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"depth": 0}, "depth: should be greater than 0; got 0"),
            (
                {"depth": 2, "angles": {"gamma": [0.1], "beta": [0.2, 0.3]}},
                "needs 2 gamma and 2 beta; got 1 and 2",
            ),
            (
                {"angles": {"gamma": [0.1, 0.2], "beta": [0.2, 0.3]}},
                "depth 1 needs 1 gamma and 1 beta; got 2",
            ),
            ({"depth": 2, "angles": {"gamma": [[0.1], 0.2], "beta": [0.2, 0.3]}}, "equally long lists"),
            ({"angles": {"gamma": [0.1]}}, "a mapping with gamma and beta"),
            ({"angles": "tabel"}, "expected 'table', 'linear_ramp'"),
            ({"angles": "transfer"}, "needs angles_from"),
            ({"angles_from": "a.nc"}, "needs angles_from, a sample file; one of them is missing"),
            ({"multi_angle": True}, "set angles: optimise"),
            ({"ansatz": "quench", "warm_start": "greedy"}, "leave warm_start out"),
            ({"schedule": [[0, 1, 0]]}, "ascends from 0 to 1"),
            ({"schedule": [[0, 1, 0], [1, 0, 1], [0.5, 0, 0]]}, "ascends from 0 to 1"),
            ({"ansatz": "quench", "schedule": "linear"}, "give annealing_time in microseconds"),
            ({"ansatz": "quench", "annealing_time": 0.01}, "points .s, A, B. go with quench_time"),
            ({"ansatz": "quench", "schedule": "/nowhere.csv"}, "give annealing_time in microseconds"),
        ],
    )
    def test_what_does_not_fit_together(self, settings, message):
        with pytest.raises(InputError, match=message):
            qaoa(**settings)

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({"depth": 4, "depths": [1, 2]}, ["depth 4 means nothing beside depths [1, 2]"]),
            ({"depths": [1, 2]}, []),
            (
                {
                    "ansatz": "quench",
                    "depth": 8,
                    "schedule": "linear",
                    "annealing_time": 0.001,
                    "quench_time": 4.0,
                },
                [
                    "quench_time 4 means nothing along the schedule of an annealer, which runs for "
                    "annealing_time"
                ],
            ),
        ],
    )
    def test_what_means_nothing_beside_others_is_said(self, settings, said):
        remarks = qaoa(**settings).sample(SK8, seed=1).remarks
        assert [own.text for own in remarks if own.code == "settings-without-meaning"] == said

    def test_settings_of_other_quenches_decide_nothing(self):
        along = qaoa(ansatz="quench", schedule="linear", annealing_time=0.002, transverse_field=2.0, depth=8)
        info = along.sample(SK8, seed=1).info
        assert "quench_time" in info["ignored"]
        assert not {"annealing_time", "transverse_field", "schedule"} & set(info["ignored"])
        assert info["angles"]["origin"]["annealing_time_ns"] == 2.0
        assert along.followed_schedule.name == "linear"
        points = qaoa(ansatz="quench")
        assert "transverse_field" in points.sample(SK8, seed=1).info["ignored"]
        assert points.followed_schedule is None

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (None, "no file at .* can be read"),
            ("exact", "holds samples of backend 'exact', without angles"),
            ("deeper", "holds 2 layers and depth is 1: set depth: 2"),
            ("multi", "holds angles for 28 terms and 8 spins; the problem has 15 and 10"),
        ],
    )
    def test_a_file_that_does_not_fit(self, tmp_path, content, message):
        file, problem = tmp_path / "a.nc", SK8
        if content == "exact":
            qspin.get_backend("exact", n_replicas=2).sample(SK8, seed=1).save(file)
        elif content == "deeper":
            qaoa(depth=2).sample(SK8, seed=1).save(file)
        elif content == "multi":
            qaoa(angles="optimise", multi_angle=True, n_starts=1).sample(SK8, seed=1).save(file)
            problem = qspin.IsingProblem.from_networkx(nx.petersen_graph())
        sampler = qaoa(angles="transfer", angles_from=str(file))
        for ask in (sampler.check, sampler.sample):
            with pytest.raises(InputError, match=message):
                ask(problem)

    def test_angles_for_every_term_of_another_problem(self):
        sampler = qaoa(angles={"gamma": [[0.1, 0.2]], "beta": [[0.1, 0.2]]})
        with pytest.raises(
            InputError, match="holds angles for 2 terms and 2 spins; the problem has 28 and 8"
        ):
            sampler.check(SK8)


class TestWarmStart:
    @pytest.mark.parametrize("mean", [np.nan, np.inf, 1.5])
    def test_means_are_numbers_between_minus_one_and_one(self, mean):
        with pytest.raises(InputError, match="between -1 and 1; got|warm_start.*finite"):
            qaoa(warm_start=[0.0] * 7 + [mean]).sample(SK8, seed=1)

    def test_half_and_half_is_no_warm_start(self):
        cold, warm = (qaoa(warm_start=value).sample(SK8, seed=1).info for value in (None, [0.0] * 8))
        assert warm["expected_energy"] == pytest.approx(cold["expected_energy"], abs=1e-10)

    def test_a_ground_state_as_a_start_lowers_the_energy(self):
        ground = qspin.get_backend("exact").enumerate(SK8).ground_states()[0]
        cold, warm = (
            qaoa(warm_start=value, angles="optimise").sample(SK8, seed=1).info["expected_energy"]
            for value in (None, ground)
        )
        assert warm < cold

    def test_greedy_finds_low_states(self):
        info = qaoa(warm_start="greedy").sample(SK8, seed=1).info
        state = np.sign(info["warm_start"]).astype(np.int8)
        assert SK8.energies(state) == pytest.approx(qspin.get_backend("exact").enumerate(SK8).ground_energy)
        np.testing.assert_allclose(np.abs(info["warm_start"]), 0.5)

    def test_by_label(self):
        problem = qspin.IsingProblem([[0, 1.0], [1.0, 0]], labels=["a", ("b", 1)])
        info = qaoa(warm_start={"('b', 1)": 0.4, "a": -0.4}).sample(problem, seed=1).info
        np.testing.assert_allclose(info["warm_start"], [-0.4, 0.4])

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            ([0.0] * 3, "holds 3 means; the problem has 8 spins"),
            ([2.0] * 8, "a mean between -1 and 1; got 2"),
            ({"0": 1.0}, "warm_start has no mean for 1; it needs one for each of 8 spins"),
        ],
    )
    def test_what_does_not_fit(self, value, message):
        with pytest.raises(InputError, match=message):
            qaoa(warm_start=value).check(SK8)
