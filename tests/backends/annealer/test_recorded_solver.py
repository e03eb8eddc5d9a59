"""The whole QPU path over what the cloud says of a real Advantage2: its working graph, limits and timing."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import dimod
import numpy as np
import pytest
import qspin_backends.annealer
from dwave.system.coupling_groups import coupling_groups
from dwave.system.samplers.clique import _QubitCouplingComposite
from qspin_backends.annealer.control import ControlErrors
from qspin_backends.annealer.device import Hardware
from qspin_backends.common import purchase
from sapi import Fault, Sapi, environment, programmed, qpu, serving

import qspin
from qspin.errors import InputError

FILE = Path(__file__).parents[3].parent / "shared" / "data" / "advantage2_system1.5.json"


@pytest.fixture(scope="module")
def recorded():
    if not FILE.exists():
        pytest.skip(f"{FILE.name} is not beside this checkout (../shared/data)")
    return json.loads(FILE.read_text())["properties"]


@pytest.fixture(scope="module")
def hardware(recorded):
    topology = recorded["topology"]
    return Hardware(
        topology["type"],
        tuple(topology["shape"]),
        np.array(recorded["qubits"]),
        np.array(recorded["couplers"]),
    )


@pytest.fixture
def cloud(recorded, monkeypatch, tmp_path):
    """A stand-in that answers as the recorded solver."""
    with serving(Sapi(recorded=json.loads(FILE.read_text()))) as sapi:
        for name, value in environment(sapi, tmp_path).items():
            monkeypatch.setenv(name, value)
        yield sapi


@pytest.fixture(scope="module")
def native(recorded):
    """J = -2 on all couplers."""
    position = {qubit: k for k, qubit in enumerate(recorded["qubits"])}
    i, j = np.array([[position[u], position[v]] for u, v in recorded["couplers"]]).T
    n_spins = len(recorded["qubits"])
    return qspin.IsingProblem.from_edges(n_spins, i, j, np.full(len(i), -2.0), labels=recorded["qubits"])


def programs(cloud):
    """Fields and couplings of what was bought, and parameters."""
    for problem in cloud.problems.values():
        yield *programmed(problem.job, cloud.solver()["properties"]), problem.job["params"]


def group_sums(couplings, hardware):
    both = couplings | {(v, u): value for (u, v), value in couplings.items()}
    return np.array([sum(both.get(edge, 0.0) for edge in group) for group in coupling_groups(hardware.graph)])


def seconds(recorded, n_reads, programming=1000.0, readout_wait=0.0):
    """Access time of two qubits by the model that D-Wave publishes, version 1.0."""
    sizes, times = np.split(np.array(recorded["problem_timing_data"]["readout_time_model_parameters"]), 2)
    readout = 10 ** np.interp(np.log10(2), sizes, times)
    return 1e-6 * (33636.7 + programming + n_reads * (20.0 + readout + 60.57 + readout_wait))


def pair(recorded, **settings):
    """Two coupled qubits of the device, with a field."""
    u, v = recorded["couplers"][0]
    problem = qspin.IsingProblem([[0, 0.5], [0.5, 0]], fields=[2.0, 0.0], labels=[u, v])
    return qpu(**{"betas": [1.0], "n_reads": 10, "n_gauges": 1, **settings}), problem


class TestRanges:
    def test_groups_of_couplers_are_held_as_ocean_holds_them(self, cloud, native, hardware, recorded):
        """The full graph with missing qubits: up to ten couplers of -2 in a group, which may sum to -13."""
        samples = qpu(betas=[1.0], n_reads=4, n_gauges=0).sample(native, seed=1)
        scaling = samples.info["pipeline"]["scaling"]
        assert scaling["limit"] == "per_group_coupling_range"
        assert scaling["factor"] == pytest.approx(0.65)
        assert samples.info["pipeline"]["embedding"]["method"] == "native"
        ((fields, couplings, _),) = programs(cloud)
        assert group_sums(couplings, hardware).min() == pytest.approx(-13.0)

        sent = []
        child = SimpleNamespace(
            properties=recorded,
            to_networkx_graph=lambda: hardware.graph,
            sample=lambda bqm: sent.append(bqm) or dimod.SampleSet.from_samples([], "SPIN", energy=[]),
        )
        theirs = _QubitCouplingComposite(child, recorded["h_range"], recorded["extended_j_range"])
        theirs.sample(native.to_bqm()).resolve()
        assert sent[0].is_almost_equal(dimod.BQM.from_ising(fields, couplings), places=9)

    @pytest.mark.parametrize("n_gauges", [0, 3])
    def test_every_program_of_a_dense_problem_with_fields_lies_in_range(
        self, cloud, hardware, recorded, n_gauges
    ):
        problem = qspin.instances.sherrington_kirkpatrick(60, seed=1)
        problem = qspin.IsingProblem(problem.couplings, fields=np.linspace(-3, 3, 60))
        samples = qpu(betas=[1.0, 9.0], n_reads=6, n_gauges=n_gauges, chain_strength=50.0).sample(
            problem, seed=1
        )
        assert samples.info["pipeline"]["embedding"]["method"] == "clique"
        chains = samples.info["pipeline"]["embedding"]["chains"]
        assert {qubit for chain in chains for qubit in chain} <= set(recorded["qubits"])
        slack = 1e-9
        for fields, couplings, _ in programs(cloud):
            assert np.abs(list(fields.values())).max() <= 6 + slack
            assert -2 - slack <= min(couplings.values()) <= max(couplings.values()) <= 1 + slack
            sums = group_sums(couplings, hardware)
            assert -13 - slack <= sums.min() <= sums.max() <= 10 + slack

    def test_unknown_gauges_turn_couplings_but_not_chains(self, cloud, native, hardware):
        qpu(betas=[1.0], n_reads=4, n_gauges=2).sample(native.scaled(0.5), seed=1)
        for _, couplings, _ in programs(cloud):
            sums = group_sums(couplings, hardware)
            assert -13 <= sums.min() <= sums.max() <= 10

    def test_groups_of_another_topology_are_not_guessed(self, cloud, recorded):
        from qspin_backends.annealer.device import Limits
        from qspin_backends.annealer.embeddings.embedding import Embedding
        from qspin_backends.annealer.embeddings.layout import lay_out
        from qspin_backends.annealer.scaling import coupling_groups as ours

        pegasus = Hardware("pegasus", (2,), np.arange(4), np.array([[0, 1], [2, 3]]))
        problem = qspin.IsingProblem([[0, 1], [1, 0]])
        layout = lay_out(problem, Embedding(((0,), (1,)), "given"), pegasus)
        with pytest.raises(InputError, match="groups of a pegasus device are not known"):
            ours(layout, pegasus, Limits.of(recorded))

    def test_gains_on_fields_count(self, cloud, recorded):
        cloud.properties["h_gain_schedule_range"] = [-4.0, 4.0]
        sampler, problem = pair(recorded, h_gain_schedule=[(0, 0), (10, 4), (20, 1)], n_gauges=0)
        scaling = sampler.sample(problem, seed=1).info["pipeline"]["scaling"]
        assert (scaling["factor"], scaling["limit"]) == (pytest.approx(0.75), "h_range")


class TestCost:
    def test_the_estimate_is_that_of_the_published_model(self, cloud, recorded):
        sampler, problem = pair(recorded, programming_thermalization=2000.0, readout_thermalization=30.0)
        info = sampler.sample(problem, seed=1).info
        assert info["expected_qpu_seconds"] == pytest.approx(seconds(recorded, 10, 2000.0, 30.0))

    def test_what_is_charged_is_divided_by_the_conversion_rate(self, cloud, recorded):
        cloud.properties["quota_conversion_rate"] = 4
        charged = seconds(recorded, 10) / 4
        sampler, problem = pair(recorded, max_qpu_seconds=1.01 * charged)
        sampler.check(problem)
        sampler, _ = pair(recorded, max_qpu_seconds=0.99 * charged)
        with pytest.raises(InputError, match="nothing was bought"):
            sampler.check(problem)

    def test_a_budget_needs_a_conversion_rate_that_is_one(self, cloud, recorded):
        cloud.properties["quota_conversion_rate"] = 0
        sampler, problem = pair(recorded, max_qpu_seconds=1.0)
        with pytest.raises(InputError, match="its quota_conversion_rate is 0"):
            sampler.check(problem)

    def test_a_device_without_a_longest_run(self, cloud, recorded):
        del cloud.recorded["properties"]["problem_run_duration_range"]
        sampler, problem = pair(recorded)
        sampler.check(problem)

    def test_calls_are_no_smaller_than_the_device_takes(self, cloud, recorded):
        cloud.properties["num_reads_range"] = [5, 12]
        sampler, problem = pair(recorded, n_reads=26)
        sampler.sample(problem, seed=1)
        assert [params["num_reads"] for *_, params in programs(cloud)] == [12, 9, 5]
        sampler, _ = pair(recorded, n_reads=4)
        with pytest.raises(InputError, match="takes 5 to 12 reads in a call"):
            sampler.check(problem)

    @pytest.mark.parametrize(
        ("settings", "n_calls"),
        [
            ({"readout_thermalization": 9_980.0}, 2),  # 100 reads of 10 ms, and 1 ms of programming
            ({"readout_thermalization": 9_960.0}, 1),
            ({"reduce_intersample_correlation": True, "annealing_time": 2000.0}, 2),  # pauses of 10 ms
        ],
    )
    def test_waits_count_towards_the_longest_run(self, cloud, recorded, settings, n_calls):
        sampler, problem = pair(recorded, n_reads=100, **settings)
        sampler.sample(problem, seed=1)
        assert cloud.bought == n_calls


class TestWholePath:
    """Everything that is bought beside reads: rounds of shims and of the readout, for copies side by side."""

    def calibrated(self, **settings):
        defaults = {"betas": [0.5], "n_reads": 12, "n_gauges": 4, "n_copies": 2}
        return qpu(**{**defaults, "n_shim": 2, "shim_reads": 6, "readout_mitigation": True, **settings})

    @pytest.fixture
    def glass4(self):
        return qspin.instances.sherrington_kirkpatrick(4, seed=1)

    def test_what_is_charged_is_what_was_expected(self, cloud, glass4):
        told = self.calibrated().workload(glass4)
        info = self.calibrated().sample(glass4, seed=1).info
        assert cloud.bought == 2 + 2 + 2  # shims, readout, two programmings of two copies in two gauges each
        assert info["clocks"]["device"] == pytest.approx(told.paid_seconds)
        assert info["clocks"]["device"] == pytest.approx(info["expected_qpu_seconds"])
        assert info["device"]["name"] == "Advantage2_system1.5"

    def test_corrected_programs_lie_in_range_and_on_qubits_that_work(self, cloud, hardware, recorded):
        cloud.chip = ControlErrors(0.2, 0.3, noise_seed=1)  # more than there is room for
        strong = qspin.instances.sherrington_kirkpatrick(4, seed=1).scaled(20.0)
        samples = self.calibrated(n_shim=4).sample(strong, seed=1)
        assert np.abs(samples.info["calibration"]["shims"]["couplings"]).max() == pytest.approx(0.05)
        working = set(recorded["qubits"])
        for fields, couplings, params in programs(cloud):
            assert -2 <= min(couplings.values(), default=0) <= max(couplings.values(), default=0) <= 1
            sums = group_sums(couplings, hardware)
            assert -13 <= sums.min() <= sums.max() <= 10
            biases = params.get("flux_biases", [])
            assert {qubit for qubit, bias in enumerate(biases) if bias} <= working & set(fields)
            assert len(biases) in (0, recorded["num_qubits"])

    def test_a_lost_reply_in_a_round_buys_nothing_twice(self, cloud, glass4, monkeypatch):
        monkeypatch.setattr(purchase, "UNLISTED_SECONDS", 0.3)
        cloud.faults = [Fault("submit", "drop", after=True, skip=1)]
        first = self.calibrated().sample(glass4, seed=1)
        assert cloud.bought == 6
        np.testing.assert_array_equal(self.calibrated().sample(glass4, seed=1).spins, first.spins)
        assert cloud.bought == 6


def test_every_limit_that_the_solver_states_has_a_place(recorded):
    """Held, or said why not, in some docstring."""
    room = Path(qspin_backends.annealer.__file__).parent
    text = "".join(file.read_text() for file in room.rglob("*.py"))
    limits = [
        name for name in recorded if name.startswith("max_") or name.endswith(("_range", "_ranges", "_step"))
    ]
    assert len(limits) > 12
    assert [name for name in limits if name not in text] == []


class TestParameters:
    def test_what_was_set_is_sent(self, cloud, recorded):
        u, v = recorded["couplers"][0]
        gains = [(0, 0), (10, 0.5), (20, 1)]
        sampler, problem = pair(
            recorded,
            h_gain_schedule=gains,
            programming_thermalization=0.0,
            readout_thermalization=12.34,
            anneal_offsets={u: 0.1, str(v): -0.2},
        )
        sampler.sample(problem, seed=1)
        ((_, _, params),) = programs(cloud)
        assert params["h_gain_schedule"] == [list(map(float, point)) for point in gains]
        assert (params["programming_thermalization"], params["readout_thermalization"]) == (0.0, 12.34)
        assert len(params["anneal_offsets"]) == recorded["num_qubits"]
        sent = {k: x for k, x in enumerate(params["anneal_offsets"]) if x}
        step = abs(recorded["anneal_offset_step"])
        assert sent == pytest.approx({u: 0.1, v: -0.2}, abs=0.5001 * step)
        multiples = np.array(list(sent.values())) / step
        np.testing.assert_allclose(multiples, np.round(multiples), atol=1e-6)

    def test_a_reverse_anneal_from_initial_is_sent(self, cloud, recorded):
        schedule = [[0.0, 1.0], [5.0, 0.45], [10.0, 1.0]]
        sampler, problem = pair(recorded, anneal_schedule=schedule, n_gauges=0)
        samples = sampler.sample(problem, seed=1, initial=[1, -1])
        ((_, _, params),) = programs(cloud)
        assert params["anneal_schedule"] == schedule
        assert params["reinitialize_state"] is True
        states = {k: v for k, v in enumerate(params["initial_state"]) if v != 3}  # 3: not used
        assert states == {problem.labels[0]: 1, problem.labels[1]: -1}
        assert samples.info["pipeline"]["anneal"]["reverse"] is True
        assert len(samples.info["initial"]) == 64

    def test_offsets_by_a_function(self, cloud, recorded):
        sampler, problem = pair(recorded, anneal_offsets="test_recorded_solver:half_of_what_may_be")
        sampler.sample(problem, seed=1)
        ((_, _, params),) = programs(cloud)
        u, v = recorded["couplers"][0]
        expected = {q: 0.5 * recorded["anneal_offset_ranges"][q][1] for q in (u, v)}
        sent = {k: x for k, x in enumerate(params["anneal_offsets"]) if x}
        assert sent == pytest.approx(expected, abs=0.5001 * abs(recorded["anneal_offset_step"]))

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            (
                {"annealing_time": 20.004},
                r"rounds times to 0.01 microseconds, so 20.004 would become 20; give",
            ),
            ({"annealing_time": 0.4}, "between 0.5 and 2000 microseconds.*annealing_time_range"),
            ({"anneal_schedule": [(0, 0), (9.999, 1)]}, "so 9.999 would become 10"),
            ({"readout_thermalization": 10_000.5}, "between 0 and 10000.*readout_thermalization_range"),
            ({"programming_thermalization": 1.001}, "programming_thermalization: a device rounds times"),
            (
                {"h_gain_schedule": [(0, 0), (20, 1.5)]},
                "gains between -1 and 1 .*h_gain_schedule_range.; got 1.5",
            ),
            ({"h_gain_schedule": [(0, 1)]}, "takes 2 to 20 points.*max_h_gain_schedule_points.; got 1"),
            ({"h_gain_schedule": [(k, 1) for k in range(21)]}, "takes 2 to 20 points.*; got 21"),
            (
                {"h_gain_schedule": [(0, 0), (19, 1)]},
                "must end with the anneal, after 20 microseconds; got 19",
            ),
            ({"h_gain_schedule": [(1, 0), (20, 1)]}, "times that ascend from 0"),
            ({"h_gain_schedule": [(0, 0), (5, 1), (5, 1), (20, 1)]}, "times that ascend from 0"),
            ({"anneal_offsets": {0: 0.1}}, "anneal_offsets has no offset for 1"),
            ({"anneal_offsets": {0: 0.1, 1: 0.8}}, "between -0.7278 and 0.7316 for qubit 1"),
            (
                {"anneal_offsets": "test_recorded_solver:of_no_qubit"},
                "behind anneal_offsets must return a mapping",
            ),
        ],
    )
    def test_what_the_solver_would_refuse_or_round(self, cloud, recorded, settings, message):
        sampler, problem = pair(recorded, **settings)
        with pytest.raises(InputError, match=message):
            sampler.check(problem)
        assert cloud.bought == 0

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("h_gain_schedule", [(0, 1), (20, 1)]),
            ("programming_thermalization", 10.0),
            ("readout_thermalization", 10.0),
            ("anneal_offsets", {0: 0.1, 1: 0.1}),
        ],
    )
    def test_a_solver_without_the_parameter(self, cloud, recorded, name, value):
        cloud.properties["parameters"] = {k: v for k, v in recorded["parameters"].items() if k != name}
        sampler, problem = pair(recorded, **{name: value})
        with pytest.raises(InputError, match=f"this device has no parameter '{name}'"):
            sampler.check(problem)

    def test_fast_anneals_may_take_times_in_picoseconds(self, cloud, recorded):
        sampler, problem = pair(recorded, fast_anneal=True, annealing_time=0.007123)
        sampler.check(qspin.IsingProblem(problem.couplings, labels=problem.labels))

    def test_fields_that_end_scaled_are_told(self, cloud, recorded):
        sampler, problem = pair(recorded, h_gain_schedule=[(0, 1), (20, 0.5)])
        remark = sampler.sample(problem, seed=1).remarks[0]
        assert remark.code == "fields-multiplied"
        assert "ends at 0.5: what was annealed is" in remark.text

    def test_a_simulated_device_says_what_it_leaves_out(self, glass):
        settings = {
            "topology": "none",
            "n_reads": 4,
            "readout_thermalization": 5.0,
            "h_gain_schedule": [(0, 9)],
        }
        samples = qspin.get_backend("annealer", **settings).sample(glass, seed=1)
        assert samples.remarks[0].code == "settings-left-out"
        assert samples.remarks[0].text == (
            "readout_thermalization, h_gain_schedule left out: without meaning for a simulated device"
        )

    def test_fast_anneals_have_no_gain(self):
        with pytest.raises(InputError, match="no h_gain_schedule"):
            qpu(fast_anneal=True, annealing_time=0.01, h_gain_schedule=[(0, 0), (0.01, 1)])


def half_of_what_may_be(properties, qubits):
    return {qubit: 0.5 * properties["anneal_offset_ranges"][qubit][1] for qubit in qubits}


def of_no_qubit(properties, qubits):
    return {-1: 0.1}
