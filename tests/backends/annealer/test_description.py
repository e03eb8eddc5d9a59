"""A simulated device that follows the saved description of a solver."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from dwave.cloud.testing.mocks import qpu_problem_timing_data
from qspin_backends.annealer.description import described
from qspin_backends.annealer.simulated import Imperfections, Simulated

import qspin
from qspin.errors import InputError
from qspin.sampler import GivenFile

FILE = Path(__file__).parents[3].parent / "shared" / "data" / "advantage2_system1.5.json"


def saved(folder, *, without=(), **changes):
    """A description of a Zephyr 2 of which two qubits are missing, its fields within 2."""
    graph = Simulated("zephyr", (2, 4), 1.0, 0, "thermal", 10, 1.0, Imperfections()).hardware
    qubits = [q for q in graph.qubits.tolist() if q not in (3, 40)]
    properties = {
        "chip_id": "Little",
        "topology": {"type": "zephyr", "shape": [2, 4]},
        "num_qubits": 160,
        "qubits": qubits,
        "couplers": [edge for edge in graph.couplers.tolist() if not {3, 40} & set(edge)],
        "h_range": [-2.0, 2.0],
        "j_range": [-1.0, 1.0],
        "extended_j_range": [-2.0, 1.0],
        "per_group_coupling_range": [-13.0, 10.0],
        "num_reads_range": [1, 7],
        "problem_timing_data": qpu_problem_timing_data(),
        "parameters": {"num_reads": "", "annealing_time": ""},
        "annealing_time_range": [1.0, 50.0],
        **changes,
    }
    file = folder / "solver.json"
    file.write_text(json.dumps({k: v for k, v in properties.items() if k not in without}))
    return file


def following(file, **settings):
    return qspin.get_backend(
        "annealer", **{"solver_file": file, "physics": "thermal", "n_sweeps": 20, "n_reads": 20, **settings}
    )


def test_graph_ranges_limits_and_timing_are_those_of_the_file(tmp_path):
    pair = qspin.IsingProblem([[0, 0.5], [0.5, 0]], fields=[4.0, 0.0])
    samples = following(saved(tmp_path), n_gauges=2).sample(pair, seed=1)
    device = samples.info["device"]
    assert device["name"] == "simulated, description of Little"
    assert (device["topology"], device["shape"], device["n_qubits"]) == ("zephyr", [2, 4], 158)
    assert samples.info["pipeline"]["scaling"]["limit"] == "h_range"
    assert samples.info["pipeline"]["scaling"]["factor"] == pytest.approx(0.5)
    assert len(samples.info["batches"]) == 4  # two gauges of ten reads, at most seven in a call
    assert samples.info["expected_qpu_seconds"] > 4 * 0.01
    assert "device" not in samples.info["clocks"]


def test_it_costs_nothing_and_refuses_what_the_solver_would(tmp_path, glass):
    sampler = following(saved(tmp_path))
    assert not sampler.is_paid
    assert sampler.workload(glass).paid_seconds == 0
    with pytest.raises(InputError, match="annealing_time must lie between 1 and 50"):
        following(saved(tmp_path), annealing_time=60.0).check(glass)
    with pytest.raises(InputError, match="embedding 'native' needs labels that are qubits"):
        following(saved(tmp_path), embedding="native").check(qspin.IsingProblem(np.zeros((1, 1)), labels=[3]))


def test_without_timing_nothing_is_expected(tmp_path, glass):
    info = following(saved(tmp_path, without=["problem_timing_data"])).sample(glass, seed=1).info
    assert "expected_qpu_seconds" not in info


def test_what_it_holds_decides_not_where_it_lies(tmp_path, glass):
    (tmp_path / "other").mkdir()
    here = following(saved(tmp_path)).sample(glass, seed=1)
    there = following(saved(tmp_path / "other")).sample(glass, seed=1)
    np.testing.assert_array_equal(here.spins, there.spins)


def test_a_qpu_does_not_care(tmp_path):
    sampler = following(saved(tmp_path), device="qpu", size=3)
    from qspin_backends.annealer.ignored import ignored_settings

    assert "solver_file" in ignored_settings(sampler)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"without": ["qubits", "j_range"]}, "it has no qubits, j_range"),
        ({"topology": {"type": "kagome", "shape": [2]}}, "a type out of chimera, pegasus, zephyr; got"),
        ({"topology": ["zephyr", 2]}, "a type out of chimera, pegasus, zephyr; got"),
        (
            {"topology": {"type": "zephyr", "shape": ["two"]}},
            r"a shape of small positive integers; got \['two'\]",
        ),
        ({"h_range": [1, -1]}, r"h_range is two ascending numbers; got \[1, -1\]"),
        ({"num_reads_range": 5}, "num_reads_range is two ascending numbers; got 5"),
        ({"qubits": ["a"]}, "qubits is a list of numbers"),
        ({"qubits": []}, "couplers join qubits that are in the list"),
        ({"qubits": [0, 10**6], "couplers": []}, r"couplers are not of a zephyr \[2, 4\]"),
        ({"couplers": [[0, 159, 3]]}, "couplers one of pairs of them"),
        ({"couplers": [[0, 3]]}, "couplers join qubits that are in the list"),
        ({"couplers": [[0, 158]]}, r"couplers are not of a zephyr \[2, 4\]"),
        ({"parameters": ["num_reads"]}, "parameters is an object, one entry each"),
    ],
)
def test_what_describes_no_solver(tmp_path, glass, changes, message):
    with pytest.raises(
        InputError, match=f"solver.json describes no solver: .*{message}.*save what the cloud"
    ):
        following(saved(tmp_path, **changes)).check(glass)


@pytest.mark.parametrize(
    ("content", "message"), [("[1]", "JSON object of properties"), ("{", "no whole JSON")]
)
def test_what_is_no_description_at_all(tmp_path, glass, content, message):
    file = tmp_path / "solver.json"
    file.write_text(content)
    with pytest.raises(InputError, match=message):
        following(file).check(glass)


def test_a_file_that_is_not_there(tmp_path, glass):
    with pytest.raises(InputError, match=r"no file at .*solver\.json can be read"):
        following(tmp_path / "solver.json").check(glass)


@pytest.mark.parametrize("settings", [{"topology": "zephyr"}, {"size": 2}, {"working": 0.9}])
def test_the_file_says_which_qubits_there_are(tmp_path, settings):
    (name,) = settings
    with pytest.raises(InputError, match=f"which qubits there are: leave {name} out"):
        following(saved(tmp_path), **settings)


def test_the_recorded_advantage2_in_the_form_of_the_cloud(glass):
    if not FILE.exists():
        pytest.skip(f"{FILE.name} is not beside this checkout (../shared/data)")
    solver = described(GivenFile(str(FILE)))
    assert solver.name == "Advantage2_system1.5"
    assert (len(solver.hardware.qubits), len(solver.hardware.couplers)) == (4594, 41813)
    samples = following(FILE, n_gauges=0).sample(glass, seed=1)
    chains = samples.info["pipeline"]["embedding"]["chains"]
    assert {q for chain in chains for q in chain} <= set(solver.hardware.qubits.tolist())
