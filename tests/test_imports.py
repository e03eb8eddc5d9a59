"""Imports run downward only, and the heavy libraries stay out until they are needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

# room -> rooms of qspin that it may import; each stands below it
BASE = {"errors"}
PROBLEM = BASE | {
    "archives",
    "compiled",
    "conversions",
    "energies",
    "files",
    "known",
    "labels",
    "memory",
    "problem",
    "rounding",
    "validate",
}
SAMPLES = PROBLEM | {
    "remarks",
    "checkpoint",
    "confidential",
    "dimod_rows",
    "enumeration",
    "progress",
    "provenance",
    "samples",
    "sealed",
    "settings",
    "significance",
    "spectrum",
    "trust",
}
SAMPLER = SAMPLES | {"arguments", "sampler"}
FLOORS = {
    "errors": set(),
    "compiled": set(),
    "energies": {"compiled"},
    "files": BASE,
    "memory": BASE,
    "archives": BASE | {"memory"},
    "sealed": BASE | {"archives"},
    "checkpoint": BASE | {"archives", "files", "memory"},
    "progress": set(),
    "settings": BASE | {"confidential", "trust"},
    "validate": BASE | {"memory"},
    "labels": BASE | {"archives"},
    "rounding": set(),
    "significance": set(),
    "known": BASE | {"rounding", "validate"},
    "conversions": BASE | {"validate"},
    "problem": BASE | {"conversions", "energies", "known", "labels", "validate"},
    "enumeration": {"compiled"},
    "spectrum": PROBLEM | {"enumeration"},
    "provenance": BASE | {"remarks", "settings"},
    "remarks": BASE,
    "dimod_rows": BASE | {"memory", "validate"},
    "samples": PROBLEM | {"dimod_rows", "provenance", "remarks", "sealed", "spectrum"},
    "confidential": BASE,
    "trust": BASE,
    "sampler": SAMPLES | {"arguments", "cliques"},
    "sampling": SAMPLER,
    "arguments": SAMPLES,
    "cliques": set(),
    "registry": SAMPLER,
    "adapter": SAMPLER,
    "formats": PROBLEM,
    "instances": PROBLEM | {"cliques"},
    "networks": PROBLEM | {"progress", "instances"},
    "analysis": SAMPLER,
    "benchmark": SAMPLER | {"analysis"},
    "plot": SAMPLER | {"analysis", "benchmark", "study"},
    "report": SAMPLER | {"plot", "study"},
    "testing": SAMPLER | {"sampling", "registry"},
    "experiment": SAMPLER
    | {"sampling", "registry", "formats", "networks", "instances", "analysis", "benchmark", "plot"},
    "cli": SAMPLER | {"sampling", "registry", "formats", "experiment"},
}
HEAVY = {"torch": {"networks"}, "sklearn": {"networks"}, "dwave": {"instances"}}
SHARED = "common"  # what backends share; itself it imports no backend
BACKENDS_MAY_IMPORT = {"archives", "errors", "problem", "samples", "sampler"}


def modules(package: Path):
    for path in sorted(package.rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


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


def test_every_room_has_a_floor():
    rooms = {room_of(path) for path, _ in modules(ROOT / "qspin")} - {"__init__", "__main__"}
    assert rooms == set(FLOORS)


def test_floors_have_no_circles():
    left = dict(FLOORS)
    while left:
        ground = [room for room, below in left.items() if not below & set(left)]
        assert ground, f"a circle among {sorted(left)}"
        for room in ground:
            del left[room]


@pytest.mark.parametrize("room", FLOORS)
def test_imports_run_downward(room):
    for path, tree in modules(ROOT / "qspin"):
        if room_of(path) != room:
            continue
        for name in imported(tree):
            parts = name.split(".")
            assert parts[0] != "qspin_backends", f"{path} imports a backend; name it as a string"
            if parts[0] == "qspin" and len(parts) > 1 and (target := parts[1]) in FLOORS:
                assert target == room or target in FLOORS[room], (
                    f"{path} imports {name}, which stands above it"
                )


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
