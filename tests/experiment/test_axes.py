"""Axes of a sweep: which values a form stands for, what moves together, and what is no axis."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from qspin.errors import InputError
from qspin.experiment import load_config
from qspin.experiment.config.axes import axes_of, values_of
from qspin.experiment.config.run_config import config_from_plain
from qspin.experiment.plan import planned

TEXT = """\
schema: 2
name: small
problems:
  ring: {kind: ring}
  memory: {kind: hopfield, n_spins: 6, n_patterns: 1}
  a.b: {kind: ring}
backends:
  dice: {name: dice}
  exact: {name: exact, betas: [0.5, 1.0]}
studies: {probe: {}}
"""


@pytest.fixture(autouse=True)
def _kinds(kinds):
    """Rings and dice."""


def swept(sweep=None, **changes):
    data = {**yaml.safe_load(TEXT), **changes}
    return config_from_plain(data if sweep is None else {**data, "sweep": sweep})


def values(config, room, label):
    lines = config.problem_lines if room == "problems" else config.backend_lines
    return {axis.name: list(axis.values) for axis in lines[label].shown_axes}


class TestForms:
    @pytest.mark.parametrize(
        ("form", "expected"),
        [
            ([1, "a", None, [2, 3]], [1, "a", None, [2, 3]]),
            ({"range": 3}, [0, 1, 2]),
            ({"range": [2, 5]}, [2, 3, 4]),
            ({"range": [9, 2, -3]}, [9, 6, 3]),
            ({"linear": [0, 1, 5]}, [0, 0.25, 0.5, 0.75, 1]),
            ({"geometric": [1, 8, 4]}, [1, 2, 4, 8]),
            ({"linear": [3, 9, 1]}, [3]),
        ],
    )
    def test_values(self, form, expected):
        found = list(values_of(form, ("sweep", "a")))
        assert found == (pytest.approx(expected) if isinstance(form, dict) else expected)

    def test_random_values_are_uniform_and_have_a_seed(self):
        one, same, other = (values_of({"random": [2, 4, 4000], "seed": seed}, ("a",)) for seed in (1, 1, 2))
        assert one == same != other
        assert values_of({"random": [2, 4, 3]}, ("a",)) == values_of({"random": [2, 4, 3], "seed": 0}, ("a",))
        assert min(one) >= 2
        assert max(one) < 4
        assert abs(np.mean(one) - 3) < 4 * np.sqrt(1 / 3 / 4000)

    @pytest.mark.parametrize(
        ("form", "message"),
        [
            (5, "expected a list, or a mapping with one key of range, linear, geometric, random; got 5"),
            ({"list": [1]}, "expected a list, or a mapping with one key of"),
            ({"range": 3, "seed": 1}, "expected a list, or a mapping with one key of"),
            ({"range": 2.5}, "range takes a number, or"),
            ({"range": [1, 2, 0]}, "must not be zero"),
            ({"range": 0}, "expected 1 to 100000 values; got 0"),
            ([], "expected 1 to 100000 values; got 0"),
            ({"range": 10**9}, "range stands for 1000000000 values; at most 100000"),
            ({"linear": [0, 1]}, r"linear takes \[first, last, how many\]"),
            ({"linear": [0, 1, 0]}, "how many, 1 to 100000"),
            ({"linear": [0, 1, 10**9]}, "how many, 1 to 100000"),
            ({"linear": [0, float("inf"), 2]}, "two finite numbers"),
            ({"geometric": [0, 1, 3]}, "a geometric axis starts and ends above 0"),
            ({"random": [0, 1, 3], "seed": -1}, "sweep.a: "),
            ({"random": ["a", 1, 3]}, "sweep.a: "),
        ],
    )
    def test_what_is_none(self, form, message):
        with pytest.raises(InputError, match=message) as caught:
            values_of(form, ("sweep", "a"))
        assert len(str(caught.value).splitlines()) == 1


class TestAxes:
    def test_a_key_of_a_problem_or_a_backend(self):
        config = swept({"problems.ring.n_spins": [3, 4], "backends.dice.n_replicas": {"range": [2, 5]}})
        assert values(config, "problems", "ring") == {"n_spins": [3, 4]}
        assert values(config, "problems", "memory") == {}
        assert values(config, "backends", "dice") == {"n_replicas": [2, 3, 4]}

    def test_labels_may_hold_dots(self):
        assert values(swept({"problems.a.b.coupling": [1.0, 2.0]}), "problems", "a.b") == {"coupling": [1, 2]}

    def test_several_axes_multiply_and_the_last_runs_fastest(self):
        config = swept({"problems.ring.n_spins": [3, 4], "problems.ring.coupling": [1.0, 2.0, 3.0]})
        points = planned(config).cells["ring", "dice"].points
        assert [tuple(point.at.values()) for point in points] == [(n, c) for n in (3, 4) for c in (1, 2, 3)]

    def test_keys_of_one_axis_move_together(self):
        load = {"problems.memory.n_patterns": [1, 2, 3], "problems.memory.n_spins": [4, 8, 12]}
        config = swept({"load": load})
        points = planned(config).cells["memory", "exact"].points
        assert [point.at for point in points] == [{"load": k} for k in (1, 2, 3)]
        assert [point.problem["settings"]["n_spins"] for point in points] == [4, 8, 12]

    def test_an_axis_of_problem_and_backend_is_one_dimension(self):
        load = {"problems.ring.n_spins": [3, 4], "backends.dice.n_replicas": [5, 6]}
        config = swept({"load": load, "backends.dice.tilt": [0.0, 1.0]})
        plan = planned(config)
        cell = plan.cells["ring", "dice"]
        assert [axis.name for axis in cell.axes] == ["load", "tilt"]
        drawn = [
            (point.problem["settings"]["n_spins"], plan.tasks[point.sample].settings["backend"]["settings"])
            for point in cell.points
        ]
        assert [(n, s["n_replicas"], s["tilt"]) for n, s in drawn] == [
            (3, 5, 0.0), (3, 5, 1.0), (4, 6, 0.0), (4, 6, 1.0),
        ]  # fmt: skip
        assert len(plan.cells["memory", "dice"].points) == 4  # there it is an axis of the backend alone
        assert len(plan.cells["ring", "exact"].points) == 2

    def test_keys_reach_into_mappings(self):
        backends = {"o": {"name": "ocean", "parameters": {"num_sweeps": 3, "seed": 1}}}
        config = swept({"backends.o.parameters.num_sweeps": [1, 2]}, backends=backends)
        line = config.backend_lines["o"]
        assert line.made({"num_sweeps": 1}).parameters == {"num_sweeps": 2, "seed": 1}
        assert line.settings["parameters"]["num_sweeps"] == 3  # what was given is left alone

    def test_computed_values_are_rounded_where_a_setting_takes_integers(self):
        sweep = {
            "problems.ring.n_spins": {"geometric": [3, 20, 3]},
            "problems.ring.seed": {"random": [0, 100, 3], "seed": 2},
            "problems.ring.coupling": {"linear": [0, 1, 3]},
        }
        found = values(swept(sweep), "problems", "ring")
        assert found["n_spins"] == [3, 8, 20]
        assert all(isinstance(value, int) for value in [*found["n_spins"], *found["seed"]])
        assert found["coupling"] == [0, 0.5, 1]

    def test_instances_sizes_and_lengths_are_axes(self):
        config = swept(
            problems={"ring": {"kind": "ring", "sizes": {"n_spins": [3, 4]}, "instances": 3, "seed": 7}},
            backends={"dice": {"name": "dice", "lengths": {"n_draws": [4, 5]}}},
        )
        assert values(config, "problems", "ring") == {"instance": [7, 8, 9], "n_spins": [3, 4]}
        assert values(config, "backends", "dice") == {"n_draws": [4, 5]}
        assert len(planned(config).cells["ring", "dice"].points) == 12

    def test_instances_of_a_source_whose_size_is_on_an_axis(self):
        """Which setting tells instances apart is asked of the source at its sizes."""
        spec = {"kind": "hopfield", "n_patterns": 1, "sizes": {"n_spins": [4, 6]}, "instances": 2}
        assert values(swept(problems={"memory": spec}), "problems", "memory") == {
            "instance": [0, 1],
            "n_spins": [4, 6],
        }

    def test_the_resolved_config_has_the_same_axes(self):
        config = swept(
            {"load": {"problems.memory.n_patterns": [1, 2], "backends.dice.n_draws": [4, 5]}},
            problems={
                "ring": {"kind": "ring", "sizes": {"n_spins": {"geometric": [3, 9, 2]}}, "instances": 2},
                "memory": {"kind": "hopfield", "n_spins": 6, "n_patterns": 1},
            },
        )
        again = config_from_plain(yaml.safe_load(yaml.safe_dump(config.resolved(), sort_keys=False)))
        assert again.digest == config.digest
        assert list(planned(again).tasks) == list(planned(config).tasks)
        assert values(config, "problems", "ring")["n_spins"] == [3, 9]
        assert all(isinstance(n, int) for n in config.problem_lines["ring"].shown_axes[1].values)

    def test_values_decide_and_spelling_does_not(self):
        listed, ranged, other = (
            swept({"problems.ring.n_spins": form}).digest
            for form in ([3, 4, 5], {"range": [3, 6]}, [3, 4, 6])
        )
        assert listed == ranged != other


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ("{problems.ring.n_spin: [3]}", "line 11: .*ring has no setting 'n_spin': did you mean 'n_spins'"),
        ("{problems.rng.n_spins: [3]}", "line 11: .*no 'rng' in problems: did you mean 'ring'"),
        (
            "{problem.ring.n_spins: [3]}",
            "line 11: .*'problem.ring.n_spins' is no key of a problem or backend",
        ),
        ("{problems.ring: [3]}", r"line 11: .*names no setting; expected problems\.ring\.SETTING"),
        (
            "{load: [1, 2]}",
            "line 11: .*'load' is no key of a problem or backend .*must be the name of an axis",
        ),
        ("{load: {geometric: [1, 2, 3]}}", "line 11: .*must be the name of an axis"),
        ("{load: {}}", "line 11: .*must be the name of an axis"),
        (
            "{load: {ring.n_spins: [1]}}",
            r"line 11: .*'ring.n_spins' must start with problems\. or backends\.",
        ),
        (
            "{load: {problems.ring.n_spins: [3, 4], backends.dice.n_draws: [4, 5, 6]}}",
            "line 11: sweep.load: keys that move together take as many values each; problems.ring.n_spins "
            "has 2, backends.dice.n_draws has 3",
        ),
        (
            "{backends.dice.n_threads: [1, 2]}",
            "line 11: an axis over backends.dice.n_threads would give the same",
        ),
        ("{problems.ring.remark: [a, b]}", "line 11: an axis over problems.ring.remark would give the same"),
        (
            "{problems.ring.n_spins: [3, 0]}",
            "line 11: problems.ring: .*n_spins: should be greater than 0",
        ),
        ("{problems.ring.n_spins: [3, x]}", "line 11: problems.ring: .*n_spins: should be a valid integer"),
        ("{problems.ring.n_spins: {linear: [1, 2]}}", "line 11: sweep.*linear takes"),
        ("[1, 2]", "line 11: sweep must be a mapping"),
        (
            "{problems.ring.seed: [1, 2], noise: {problems.ring.seed: [3, 4]}}",
            "line 11: two axes change problems.ring.seed; leave one out, or let them move together",
        ),
        (
            "{problems.ring.seed: [1, 2], seed: {problems.ring.n_spins: [3, 4]}}",
            "line 11: problems.ring: two axes are called 'seed'; name one of them in sweep",
        ),
        (
            "{problems.ring.n_spins: [3, 4], n_spins: {backends.dice.n_draws: [4, 5]}}",
            "line 11: backends.dice and problems.ring have an axis 'n_spins' each; name one of them",
        ),
    ],
)
def test_what_is_no_axis_is_told_with_its_line(tmp_path, sweep, message):
    (tmp_path / "a.yaml").write_text(f"{TEXT}sweep: {sweep}\n")
    with pytest.raises(InputError, match=message) as caught:
        load_config(tmp_path / "a.yaml")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("{kind: ring, sizes: [3, 4]}", "problems.ring.sizes takes one setting with its values"),
        ("{kind: ring, sizes: {n_spins: [3], coupling: [1]}}", "problems.ring.sizes takes one setting"),
        ("{kind: ring, sizes: {n_spin: [3]}}", "no setting 'n_spin': did you mean 'n_spins'"),
        ("{kind: ring, instances: 0}", "problems.ring.instances must be an integer from 1 to 100000; got 0"),
        ("{kind: needy, instances: 2}", "kind 'needy' has no instances"),
        ("{kind: ring, instances: 2, sizes: {seed: [1, 2]}}", "two axes change problems.ring.seed"),
        ("{kind: ring, lengths: {n_spins: [3]}}", "no setting 'lengths'"),
    ],
)
def test_what_is_no_axis_in_a_problem(tmp_path, spec, message):
    (tmp_path / "a.yaml").write_text(TEXT.replace("{kind: ring}", spec, 1))
    with pytest.raises(InputError, match=f"line 4: .*{message}"):
        load_config(tmp_path / "a.yaml")


def test_points_of_an_axis_are_told_apart_by_what_differs(tmp_path):
    """A key that repeats a value is no coordinate: another key is, or numbers are."""
    backends = {"temp": {"name": "tempering"}, "ref": {"name": "exact", "n_replicas": 4}}
    ladders = [[0.2, 1.0], [0.2, 0.9], [0.2, 1.0]]
    both = {"backends.temp.n_replicas": [8, 8, 16], "backends.temp.betas": ladders}
    sweep = {"ax": {**both, "backends.ref.betas": ladders}}
    config = config_from_plain(
        {
            "schema": 2, "name": "x", "problems": {"a": {"kind": "mattis", "n_spins": 5}},
            "backends": backends, "sweep": sweep, "studies": {"comparison": None},
        }
    )  # fmt: skip
    plan = planned(config)
    for name in backends:
        assert [point.at for point in plan.cells["a", name].points] == [{"ax": k} for k in range(3)]
    compared = [task for task in plan.tasks.values() if task.settings.get("measure") == "compare"]
    pairs = [(task.settings["samples"], task.settings["reference"]) for task in compared]
    keys = [[point.sample for point in plan.cells["a", name].points] for name in backends]
    assert sorted(pairs) in (sorted(zip(*keys, strict=True)), sorted(zip(*reversed(keys), strict=True)))


def test_computed_values_are_the_same_wherever_they_stand():
    """Rounded by the line that has the key, and shown so by all others."""
    config = config_from_plain(
        {
            "schema": 2, "name": "x",
            "problems": {"sk": {"kind": "sherrington_kirkpatrick", "n_spins": 6}},
            "backends": {
                "ex": {"name": "exact", "betas": [0.5, 1.0]}, "ey": {"name": "exact", "betas": [0.5, 1.0]},
            },
            "sweep": {
                "ax": {
                    "problems.sk.n_spins": {"linear": [6, 9, 3]},
                    "backends.ex.n_replicas": {"linear": [10, 15, 3]},
                }
            },
            "studies": {"comparison": None},
        }
    )  # fmt: skip
    plan = planned(config)
    for name in ("ex", "ey"):
        assert [point.at for point in plan.cells["sk", name].points] == [{"ax": 6}, {"ax": 8}, {"ax": 9}]


@pytest.mark.parametrize("name", ["problem", "beta", "instance", "energy"])
def test_names_that_results_have_for_something_else(name):
    with pytest.raises(InputError, match=f"no axis can be called '{name}', which is a column or dimension"):
        axes_of({name: {"problems.a.seed": [1, 2]}}, {"problems": ["a"], "backends": []})


def test_the_order_of_backends_decides():
    """The first one with a ladder is the reference of all others."""
    ladder = {"name": "exact", "betas": [0.5, 1.0], "n_replicas": 4}
    problems = {"a": {"kind": "mattis", "n_spins": 5}}
    digests = {
        config_from_plain({"schema": 2, "name": "x", "problems": problems, "backends": backends}).digest
        for backends in (
            {"a": ladder, "b": {**ladder, "n_replicas": 5}},
            {"b": {**ladder, "n_replicas": 5}, "a": ladder},
        )
    }
    assert len(digests) == 2
