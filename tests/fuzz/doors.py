"""Every door through which a user hands something over: name -> a function that throws one bad input at it.

A door draws a valid input, damages it and hands it over. Any exception but `qspin.errors.QspinError` is a
fault.
"""

from __future__ import annotations

import functools
import gzip
import io
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
import yaml
from mutations import Rng, changed, damaged, damaged_text, nonsense, plain_nonsense

import qspin
from qspin import IsingProblem, SampleSet, instances, read_problem, registry, write_problem
from qspin.archives import read_arrays
from qspin.checkpoint import Checkpoint
from qspin.experiment.config.axes import values_of
from qspin.experiment.config.overrides import parse_settings
from qspin.experiment.config.run_config import load_config
from qspin.experiment.plan import planned
from qspin.formats import FORMATS
from qspin.networks.training import TrainingRecord
from qspin.settings import setting_names

CONFIGS = Path(__file__).resolve().parent.parent.parent / "configs"
PROBLEM = instances.edwards_anderson((3, 3), seed=1)
NAMED = IsingProblem(PROBLEM.couplings, np.linspace(-1, 1, 9), 0.5, [("x", k) for k in range(9)]).with_known(
    ground_energy=-9.0, groups={"left": range(4), "right": range(4, 9)}, patterns=np.ones((2, 9)),
    logical=IsingProblem([[0.0, 1.0], [1.0, 0.0]]),
)  # fmt: skip
IDENTITY = {"problem": "a", "seed": 1}

RUN = """\
schema: 2
name: small
seed: 3
problems:
  glass: {kind: sherrington_kirkpatrick, n_spins: 6, instances: 2, seed: 1}
  lattice: &a
    kind: edwards_anderson
    shape: [3, 3]
    couplings: bimodal
  net: {kind: mlp, layers: [64, 8, 10], epochs: 3, epoch: 1}
  file: {kind: file, path: a.rudy}
backends:
  exact: {name: exact, betas: [0.5, 1.0]}
  hot: {name: tempering, betas: {geometric: [0.1, 2, 5]}, n_sweeps: 10}
  device: {name: annealer, n_reads: 5, physics: thermal}
  gates: {name: qaoa, angles: {gamma: [0.1], beta: [0.2]}}
  sampler: {name: ocean, parameters: {num_sweeps: 3}}
studies: {overlaps: {temperatures: [1.0], links: false}, comparison: }
"""
SWEEP = """\
schema: 2
name: sweep
problems:
  glass: {kind: sherrington_kirkpatrick, sizes: {n_spins: [4, 6]}, instances: 2, seed: 1}
  memory: {kind: hopfield, n_spins: 6, n_patterns: 1}
backends:
  pt: {name: tempering, betas: [1.0], lengths: {n_sweeps: [10, 20]}}
  exact: {name: exact}
  sampler: {name: ocean, parameters: {num_sweeps: 3}}
sweep:
  backends.exact.n_replicas: {range: [2, 9, 3]}
  backends.sampler.parameters.num_sweeps: {geometric: [1, 8, 3]}
  load: {problems.memory.n_patterns: [1, 2], problems.memory.seed: {random: [0, 9, 2], seed: 1}}
studies:
  time_to_solution: {probability: 0.9, gap: 0.1, clock: wall, target: {glass: -3.0}}
  more: {name: energy_curve}
  overlap_curve: {}
execution: {engine: in_process}
"""


@functools.cache
def instance_files() -> dict[str, bytes]:
    """Name -> content of one valid file of every format."""
    found = {}
    with_labels = {"bqm", "npz"}
    folder = Path(os.environ["FUZZ_FOLDER"])
    for name, form in FORMATS.items():
        if form.write is not None:
            write_problem(NAMED if name in with_labels else PROBLEM, folder / "valid", name)
            found[name] = (folder / "valid").read_bytes()
    found["qbsolv"] = b"c by hand\np qubo 0 9 2 2\n0 0 1.5\n4 4 -1\n0 4 2\n4 7 -3\n"
    market, matrix = io.BytesIO(), io.BytesIO()
    scipy.io.mmwrite(market, PROBLEM.couplings, symmetry="symmetric")
    np.save(matrix, PROBLEM.toarray())
    found |= {"mtx": market.getvalue(), "npy": matrix.getvalue()}
    found["csv"] = "\n".join(",".join(map(str, row)) for row in PROBLEM.toarray().tolist()).encode()
    bits = PROBLEM.to_bqm().change_vartype("BINARY")
    for version in (1, 2):
        with bits.to_file(version=version) as file:
            found[f"bqm {version}"] = file.read()
    found |= {f"{name} gz": gzip.compress(found[name]) for name in ("rudy", "coo", "bqm")}
    return found


def instance_file(rng: Rng, folder: Path) -> None:
    files = instance_files()
    name = list(files)[rng.integers(len(files))]
    change = damaged_text if rng.random() < 0.4 and "bqm" not in name else None
    content = change(rng, files[name]) if change else damaged(rng, files[name], list(files.values()))
    (folder / "input").write_bytes(content)
    read_problem(folder / "input", name.split()[0])


def npz_problem(rng: Rng, folder: Path) -> None:
    with np.load(io.BytesIO(instance_files()["npz"])) as stored:
        arrays: dict[str, Any] = dict(stored)
    _with_other_arrays(rng, arrays, folder / "input")
    read_problem(folder / "input", "npz")


def _with_other_arrays(rng: Rng, arrays: dict[str, Any], path: Path) -> None:
    for _ in range(int(rng.integers(1, 3))):
        name = list(arrays)[rng.integers(len(arrays))]
        value = nonsense(rng)
        try:
            array = np.asarray(value)
        except (ValueError, OverflowError, RuntimeError):
            array = np.zeros(0)
        arrays[name] = array if array.dtype.kind != "O" else np.array(str(type(value)))
    with path.open("wb") as file:
        np.savez(file, **arrays)


def _config(rng: Rng, folder: Path, text: str) -> Path:
    """A config damaged as bytes, as text or as a value."""
    match int(rng.integers(0, 4)):
        case 0:
            content = damaged(rng, text.encode(), [text.encode()])
        case 1:
            content = damaged_text(rng, text.encode(), yaml=True)
        case _:
            value = changed(rng, yaml.safe_load(text), plain_nonsense)
            content = yaml.safe_dump(value, sort_keys=False).encode()
    (folder / "config.yaml").write_bytes(content)
    return folder / "config.yaml"


@functools.cache
def shipped() -> list[str]:
    return [path.read_text() for path in [*sorted(CONFIGS.glob("*.yaml")), CONFIGS / "bench" / "sk.yaml"]]


def run_config(rng: Rng, folder: Path) -> None:
    texts = [RUN, RUN, RUN, SWEEP, SWEEP, *shipped()]
    load_config(_config(rng, folder, texts[rng.integers(len(texts))]))


def sweep_config(rng: Rng, folder: Path) -> None:
    config = load_config(_config(rng, folder, SWEEP))
    if sum(line.n_points for line in config.problem_lines.values()) < 100:
        planned(config)


def axis(rng: Rng, folder: Path) -> None:
    forms: list[Any] = [
        [1, 2],
        {"range": [1, 5]},
        {"linear": [0, 1, 3]},
        {"geometric": [1, 2, 3]},
        {"random": [0, 1, 2], "seed": 1},
    ]
    values_of(changed(rng, forms[rng.integers(len(forms))], nonsense), ("sweep", "a"))


def override(rng: Rng, folder: Path) -> None:
    keys = [
        "seed", "name", "problems.glass.n_spins", "backends.hot.betas", "backends.gates.angles.gamma", "",
        "studies.overlaps.temperatures", "studies.comparison.level", "sweep.problems.glass.n_spins",
        "sweep.a", "execution", "execution.engine", "studies", "problems", "backends", "a", "seed.x",
        "problems.glass.x.y",
    ]  # fmt: skip
    key = keys[rng.integers(len(keys))]
    value = damaged_text(rng, b"[0.5, 1.0]", yaml=True).decode("utf-8", "replace")
    (folder / "config.yaml").write_text(RUN)
    backends = [[], ["exact"], ["nothing"], [str(_config(rng, folder, "name: tempering\nbetas: [1]\n"))]]
    chosen = backends[rng.integers(len(backends))]
    (folder / "run.yaml").write_text(RUN)
    load_config(folder / "run.yaml", backends=chosen, overrides=[f"{key}={value}"])
    parse_settings([f"{key}={value}"])


@functools.cache
def sample_file_content() -> bytes:
    spins = np.random.default_rng(0).choice([-1, 1], size=(2, 2, 2, 9))
    samples = SampleSet.from_spins(
        NAMED, spins, [0.5, 1.0], {"backend": "x"}, {"extra": ("beta", [1.0, 2.0])}
    )
    samples.save(Path(os.environ["FUZZ_FOLDER"]) / "valid.nc")
    return (Path(os.environ["FUZZ_FOLDER"]) / "valid.nc").read_bytes()


def sample_file(rng: Rng, folder: Path) -> None:
    """What loads must be equal to what was saved."""
    whole = sample_file_content()
    (folder / "input.nc").write_bytes(whole)
    original = SampleSet.load(folder / "input.nc").dataset
    unsealed = rng.random() < 0.1  # tried in a process of its own, which takes a while
    (folder / "input.nc").write_bytes(damaged(rng, whole[:-47] if unsealed else whole, [whole]))
    again = SampleSet.load(folder / "input.nc").dataset
    assert again.identical(original), "a damaged sample file loads as something else"


def sample_content(rng: Rng, folder: Path) -> None:
    """A whole file with content that no sampler wrote."""
    from qspin.sealed import sealed

    (folder / "input.nc").write_bytes(sample_file_content())
    dataset = SampleSet.load(folder / "input.nc").dataset
    texts = ["", "{", "[]", "{}", "null", '{"range": 1e300}', '{"range": -1}', "[1, 1]", "[" * 5000, "NaN"]
    text = texts[rng.integers(len(texts))]
    match int(rng.integers(0, 4)):
        case 0:
            dataset = dataset.assign_attrs(labels=text)
        case 1:
            dataset = dataset.assign_attrs(info=text)
        case 2:
            names = list(dataset.variables)
            dataset = dataset.drop_vars(names[rng.integers(len(names))])
        case _:
            name = ("spins", "energies")[rng.integers(2)]
            kinds = [np.float64, np.int16, np.uint8, np.float32]
            dataset[name] = dataset[name].astype(kinds[rng.integers(4)]) * int(rng.integers(0, 3))
    (folder / "input.nc").write_bytes(sealed(dataset, {}))
    SampleSet.load(folder / "input.nc", NAMED)


def checkpoint(rng: Rng, folder: Path) -> None:
    kept = Checkpoint(folder / "a.checkpoint", 1.0)
    kept.save(IDENTITY, {"spins": np.ones((3, 3), np.int8), "rng": np.arange(4)})
    whole = kept.path.read_bytes()
    if rng.random() < 0.7:
        kept.path.write_bytes(damaged(rng, whole, [whole]))
    else:
        with np.load(io.BytesIO(whole)) as stored:
            _with_other_arrays(rng, dict(stored), kept.path)
    kept.identity()
    kept.load(IDENTITY)


def training(rng: Rng, folder: Path) -> None:
    weights = [np.ones((3, 4, 5)), np.ones((3, 2, 4))]
    arrays = TrainingRecord(weights, [np.zeros((3, 4)), np.zeros((3, 2))], {}).arrays()
    _with_other_arrays(rng, arrays, folder / "input.npz")
    TrainingRecord.of(read_arrays(folder / "input.npz")).at(None)


def journal(rng: Rng, folder: Path) -> None:
    from qspin_backends.common.journal import Answer, Entry

    entry = Entry("key", folder)
    entry.file.unlink(missing_ok=True)
    entry.plan({"h": np.ones(3)}, {"solver": "x"})
    entry.store(Answer(np.ones((2, 3), np.int8), {"time": 1}))
    for path in (entry.file, folder / "key.npz"):
        if rng.random() < 0.7:
            path.write_bytes(damaged(rng, path.read_bytes(), [path.read_bytes()]))
    entry.answer((2, 3))
    entry.state()


def _call(rng: Rng, function: Callable[..., Any], valid: dict[str, Any]) -> Any:
    """Call with one or two arguments replaced."""
    arguments = dict(valid)
    for _ in range(int(rng.integers(1, 3))):
        arguments[list(valid)[rng.integers(len(valid))]] = nonsense(rng)
    return function(**arguments)


def constructors(rng: Rng, folder: Path) -> None:
    import dimod
    import networkx as nx

    edges = {"n_spins": 3, "i": [0, 1], "j": [1, 2], "couplings": [1.0, 2.0], "fields": [0, 0, 1.0],
             "offset": 0.5, "labels": "abc"}  # fmt: skip
    ising = {
        "couplings": [[0, 1, 0], [1, 0, 1], [0, 1, 0]],
        "fields": [0, 0, 1.0],
        "offset": 0.5,
        "labels": "abc",
    }
    three = IsingProblem(ising["couplings"])
    reads = dimod.SampleSet.from_samples([{0: 1, 1: -1, 2: 1}], "SPIN", [0.0])
    spins = {"problem": three, "spins": np.ones((1, 2, 1, 3)), "betas": [1.0], "info": {}, "extra": {}}
    cases: list[tuple[Callable[..., Any], dict[str, Any]]] = [
        (IsingProblem, ising),
        (IsingProblem.from_edges, edges),
        (IsingProblem.from_qubo, {"qubo": {("a", "b"): 1.0}, "offset": 1.0}),
        (IsingProblem.from_bqm, {"bqm": None}),
        (IsingProblem.from_networkx, {"graph": nx.path_graph(3)}),
        (SampleSet.from_spins, spins),
        (SampleSet.from_dimod, {"sampleset": reads, "problem": three, "info": {}}),
        (three.energies, {"spins": np.ones((2, 3))}),
        (three.scaled, {"factor": 2.0}),
        (three.shifted, {"energy": 2.0}),
        (
            three.with_known,
            {
                "ground_energy": -2.0,
                "ground_states": [[1, -1, 1]],
                "groups": {"a": [0, 1]},
                "patterns": [[1, 1, 1]],
            },
        ),
    ]
    function, valid = cases[rng.integers(len(cases))]
    if function == IsingProblem.from_qubo and rng.random() < 0.5:
        labels = ["a", 1, None, ("a", ("b",)), math.nan, 10**30, "\ud800"]
        qubo = {(labels[rng.integers(7)], labels[rng.integers(7)]): nonsense(rng) for _ in range(2)}
        IsingProblem.from_qubo(qubo)
        return
    _call(rng, function, valid)


def generators(rng: Rng, folder: Path) -> None:
    cases: list[tuple[Callable[..., Any], dict[str, Any]]] = [
        (instances.sherrington_kirkpatrick, {"n_spins": 5, "couplings": "gaussian", "seed": 1}),
        (instances.edwards_anderson, {"shape": (3, 3), "couplings": "bimodal", "periodic": True, "seed": 1}),
        (instances.lattice_ferromagnet, {"shape": (3, 3), "periodic": False}),
        (instances.mattis, {"n_spins": 5, "seed": 1}),
        (instances.hopfield, {"n_spins": 5, "n_patterns": 2, "seed": 1}),
        (instances.maxcut_regular, {"n_spins": 6, "degree": 3, "seed": 1}),
        (instances.wishart, {"n_spins": 5, "alpha": 0.5, "seed": 1}),
        (instances.pegasus, {"m": 2, "couplings": "gaussian", "seed": 1}),
        (instances.zephyr, {"m": 1, "couplings": "gaussian", "seed": 1}),
        (instances.cubic_dimers, {"shape": (1, 1, 2), "m": 2, "couplings": "bimodal", "seed": 1}),
        (instances.diamond, {"shape": (1, 2, 2), "couplings": "bimodal", "periodic": True, "seed": 1}),
        (instances.biclique, {"n": 2, "m": 2, "couplings": "bimodal", "seed": 1}),
    ]
    _call(rng, *cases[rng.integers(len(cases))])


def settings_of_a_kind(rng: Rng, folder: Path) -> None:
    kinds = list(registry.kinds().values())
    kind = registry.BACKEND if rng.random() < 0.5 else kinds[rng.integers(len(kinds))]
    name = list(kind.builtin)[rng.integers(len(kind.builtin))]
    draw = plain_nonsense if rng.random() < 0.6 else nonsense
    known = setting_names(registry.class_of(kind, name)) or ["nothing"]
    chosen = {known[rng.integers(len(known))]: draw(rng) for _ in range(int(rng.integers(1, 4)))}
    if rng.random() < 0.05:
        chosen["nothing"] = draw(rng)
    made = registry.made(kind, name, chosen)
    qspin.settings.settings_of(made)
    if kind is registry.SOURCE:
        made.identity()
        [preparation.identity() for preparation in made.needs().values()]


DOORS: dict[str, tuple[Callable[[Rng, Path], None], int]] = {
    "instance file": (instance_file, 25),
    "npz problem": (npz_problem, 5),
    "run config": (run_config, 15),
    "sweep config": (sweep_config, 8),
    "axis": (axis, 4),
    "override": (override, 5),
    "sample file": (sample_file, 8),
    "sample content": (sample_content, 2),
    "checkpoint": (checkpoint, 4),
    "training": (training, 4),
    "journal": (journal, 3),
    "constructors": (constructors, 25),
    "generators": (generators, 8),
    "settings": (settings_of_a_kind, 25),
}
"""Name -> what throws one input at it, and how often it is drawn."""


def throw(seed: int, index: int, folder: Path) -> str:
    """Throw input number `index` at a door; its name."""
    rng = np.random.default_rng([seed, index])
    shares = np.array([share for _, share in DOORS.values()], float)
    name = list(DOORS)[rng.choice(len(DOORS), p=shares / shares.sum())]
    DOORS[name][0](rng, folder)
    return name
