"""Imports run downward only, and the heavy libraries stay out until they are needed."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from pathlib import Path

import networkx as nx
import pytest
from conftest import ROOT

# Each room imports from floors below its own only, the ground first.
FLOORS = [
    {"cliques", "compiled", "errors", "netcdf", "progress", "rounding", "significance", "stopping"},
    {"confidential", "counts", "energies", "enumeration", "events", "files", "memory", "remarks", "trust"},
    {"archives", "sections", "settings", "showing", "validate"},
    {
        "builtin",
        "checkpoint",
        "conversions",
        "dimod_rows",
        "executor",
        "known",
        "labelled",
        "labels",
        "predicted",
        "schedules",
        "sizes",
    },
    {"clamping", "coupled", "provenance", "sealed", "timings"},
    {"problem", "sample_parts"},
    {"sample_files", "spectrum", "workload"},
    {"samples"},
    {"arguments", "starting"},
    {"sampler"},
    {"adapter", "measure", "sampling", "source"},
    {"clamped_source", "study"},
    {"registry"},
    {"analysis", "formats", "instances", "theory"},
    {"benchmark", "networks", "plot"},
    {"engine", "measures", "report"},
    {"studies"},
    {"experiment"},
    {"cli", "testing"},
]
# What stands below a room and is still none of its business.
NOT_THEIRS = {
    "experiment": {"analysis", "benchmark", "formats", "instances", "measures", "networks", "studies"},
    "engine": {"analysis", "benchmark", "formats", "instances", "networks", "plot"},
    "report": {"analysis", "benchmark", "instances", "networks", "registry", "samples"},
    "analysis": {"registry", "sampling", "study", "source", "measure"},
}
HEAVY = {
    "torch": {"networks"},
    "sklearn": {"networks"},
    "qiskit": {"networks"},
    "qiskit_aer": {"networks"},
    "dwave": {"instances", "plot"},
    "dask": {"engine"},
    "distributed": {"engine"},
    "dask_jobqueue": {"engine"},
}
SHARED = "common"  # what backends share; itself it imports no backend
BACKENDS_MAY_IMPORT = {"archives", "errors", "problem", "samples", "sampler"}


@functools.cache
def modules(package: Path):
    """(path, syntax tree) of every module of a package."""
    return [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in sorted(package.rglob("*.py"))]


def imported(tree: ast.AST, *, skip_typing: bool = True):
    """Absolute names that a module imports, those for type checkers left out."""
    typing_only = set()
    if skip_typing:
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.If)
                and isinstance(node.test, ast.Name)
                and node.test.id == "TYPE_CHECKING"
            ):
                typing_only |= {id(inner) for part in node.body for inner in ast.walk(part)}
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room_of(path: Path) -> str:
    return path.relative_to(ROOT / "qspin").parts[0].removesuffix(".py")


FLOOR_OF = {room: k for k, floor in enumerate(FLOORS) for room in floor}


def test_every_room_has_a_floor():
    rooms = {room_of(path) for path, _ in modules(ROOT / "qspin")} - {"__init__", "__main__"}
    assert rooms == set(FLOOR_OF)
    assert sum(map(len, FLOORS)) == len(FLOOR_OF), "a room stands on two floors"


@pytest.mark.parametrize("room", sorted(FLOOR_OF))
def test_imports_run_downward(room):
    for path, tree in modules(ROOT / "qspin"):
        if room_of(path) != room:
            continue
        for name in imported(tree):
            parts = name.split(".")
            assert parts[0] != "qspin_backends", f"{path} imports a backend; name it as a string"
            if parts[0] == "qspin" and len(parts) > 1 and (target := parts[1]) in FLOOR_OF:
                assert target == room or FLOOR_OF[target] < FLOOR_OF[room], (
                    f"{path} imports {name}, which stands above it"
                )
                assert target not in NOT_THEIRS.get(room, ()), f"{path} imports {name}: ask, never look"


def test_modules_do_not_import_each_other_in_circles():
    """Not even inside a room."""
    graph = nx.DiGraph()
    for package in (ROOT / "qspin", ROOT / "backends" / "qspin_backends"):
        trees = {module_name(path, package.parent): tree for path, tree in modules(package)}
        for name, tree in trees.items():
            graph.add_edges_from((name, other) for other in at_import(tree, trees) if other != name)
    assert nx.is_directed_acyclic_graph(graph), nx.find_cycle(graph)


def module_name(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def at_import(tree: ast.Module, known):
    """What is imported when a module is, not when its functions are called; of a package, what is in it."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from (inner & set(known)) or ({node.module} & set(known))


MOST_LINES = 400
MOST_LINES_OF_A_BODY = 60


def test_files_and_functions_are_short_enough_to_be_read():
    long = []
    for package in (ROOT / "qspin", ROOT / "backends"):
        for path, tree in modules(package):
            if (n := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES:
                long.append(f"{path}: {n} lines")
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef) and (n := lines_of_body(node)) > MOST_LINES_OF_A_BODY:
                    long.append(f"{path}: the body of {node.name} has {n} lines")
    assert not long, "\n".join(long)


def lines_of_body(function: ast.FunctionDef) -> int:
    """Without the docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def test_heavy_libraries_stay_in_their_rooms():
    for path, tree in modules(ROOT / "qspin"):
        for name in imported(tree):
            library = name.split(".")[0]
            assert room_of(path) in HEAVY.get(library, {room_of(path)}), f"{path} imports {library}"


def test_backends_import_what_they_may():
    for path, tree in modules(ROOT / "backends"):
        own = path.relative_to(ROOT / "backends" / "qspin_backends").parts[0]
        for name in imported(tree, skip_typing=False):
            parts = name.split(".")
            if parts[0] == "qspin" and len(parts) > 1:
                assert parts[1] in BACKENDS_MAY_IMPORT, f"{path} imports {name}"
            if parts[0] == "qspin_backends" and len(parts) > 1:
                assert parts[1] in {own, SHARED}, f"{path} imports another backend, {name}"


def loaded_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    return set(done.stdout.split("\n")[-2].split())


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import qspin", {"torch", "qiskit", "dwave.system", "dask", "numpy", "numba", "xarray", "dimod"}),
        ("import qspin.cli", {"torch", "dwave.system", "numpy", "pydantic", "matplotlib", "xarray"}),
        (
            "import qspin; qspin.IsingProblem([[0.0]])",
            {"torch", "dwave.system", "numba", "xarray", "matplotlib"},
        ),
        ("import qspin; qspin.available_backends()", {"torch", "dwave.system", "numba", "matplotlib"}),
        ("import qspin; qspin.get_backend('exact')", {"torch", "dwave", "matplotlib"}),
        ("import qspin.networks", {"torch", "sklearn", "qiskit", "qiskit_aer"}),
        ("import qspin.networks.quantum", {"torch", "qiskit", "qiskit_aer"}),
        (
            "import qspin; p = qspin.IsingProblem([[0.0]]); qspin.get_backend('exact', betas=[1]).sample(p)",
            {"torch", "dwave", "dimod", "dask", "matplotlib"},
        ),
    ],
)
def test_imports_are_lazy(statement, absent):
    assert not absent & loaded_after(statement)


def test_every_public_name_is_there():
    import qspin

    for name in qspin.__all__:
        assert getattr(qspin, name) is not None
    assert set(qspin.__all__) <= set(dir(qspin))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = qspin.nothing


def test_kernels_take_njit_from_one_place():
    """Where its cache is optional; Numba's own refuses to define a kernel that it cannot cache."""
    for package in (ROOT / "qspin", ROOT / "backends"):
        for path, tree in modules(package):
            taken = set(imported(tree)) & {"numba.njit", "numba.jit", "numba.vectorize", "numba.guvectorize"}
            assert path.name == "compiled.py" or not taken, f"{path} imports {taken}"
