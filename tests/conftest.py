"""What several tests share."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from forks import Forks
from sketches import SKETCHED

from qspin import IsingProblem, SampleSet, confidential, get_backend
from qspin.instances import sherrington_kirkpatrick

ROOT = Path(__file__).resolve().parent.parent
SHARED_INSTANCES = ROOT.parent / "shared" / "instances"


LONGEST = ("test_documents.py", "test_wheel.py", "test_cli.py", "test_workload_memory.py", "test_on_dask.py")
"""Files with tests of ten seconds and more, most of which would come last."""


def pytest_collection_modifyitems(items):
    """What takes longest begins first: at the end, one worker would do it while the others have none left."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session", autouse=True)
def folders_of_their_own(tmp_path_factory):
    """Tests neither read nor write the embeddings and the journal of whoever runs them, and start no workers
    where they ask for none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QSPIN_EXECUTOR", "in_process")
        patch.setenv("QSPIN_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("QSPIN_DATA_DIR", str(tmp_path_factory.mktemp("data")))
        for name in [name for name in os.environ if name.startswith(("DWAVE_", "QISKIT_IBM_"))]:
            patch.delenv(name)
        yield


@pytest.fixture(autouse=True)
def secrets_of_one_test(monkeypatch):
    """A token that one test makes known is an ordinary word in all others."""
    monkeypatch.setattr(confidential, "_learnt", set())


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@contextlib.contextmanager
def sketching():
    """Figures of this process are sketches."""
    from qspin.plot import canvas

    with pytest.MonkeyPatch.context() as patch:
        for name, standin in SKETCHED.items():
            patch.setattr(canvas, name, standin)
        yield


@pytest.fixture
def sketched():
    """The figures of a test are sketches."""
    with sketching():
        yield


@pytest.fixture
def kinds(monkeypatch):
    """Small kinds of everything by name, from `probes`, which counts what is asked of them."""
    import probes

    from qspin import registry

    for kind, classes in probes.KINDS.items():
        for name, attribute in classes.items():
            builtin = getattr(registry, kind).builtin
            monkeypatch.setitem(builtin, name, registry.Builtin(f"probes:{attribute}"))
    probes.COUNTS.clear()
    probes.FAILING.clear()
    return probes


@pytest.fixture
def counted(monkeypatch):
    """Numbers of replicas that were asked for, call by call."""
    from qspin_backends.exact import Exact

    calls: list[int] = []
    original = Exact.sample

    def sample(self, problem, *, seed=None):
        calls.append(self.n_replicas)
        return original(self, problem, seed=seed)

    monkeypatch.setattr(Exact, "sample", sample)
    return calls


@pytest.fixture(scope="session")
def compiled() -> None:
    """What tempers a few spins lies compiled in the cache: no other process makes a test wait for that, which
    takes more than a minute where a machine is busy.
    """
    tempering = get_backend("tempering", betas=[0.5, 1.0], n_replicas=2, n_sweeps=20)
    tempering.sample(sherrington_kirkpatrick(6, seed=1), seed=1)


@pytest.fixture
def glass() -> IsingProblem:
    """Ten spins, dense, with fields."""
    rng = np.random.default_rng(4)
    upper = np.triu(rng.normal(size=(10, 10)), 1) / np.sqrt(10)
    return IsingProblem(upper + upper.T, fields=0.3 * rng.normal(size=10))


@pytest.fixture
def spins() -> np.ndarray:
    """Configurations of `glass`: two betas, three replicas, four draws."""
    return np.random.default_rng(1).choice(np.array([-1, 1], np.int8), size=(2, 3, 4, 10))


@pytest.fixture
def samples(glass, spins) -> SampleSet:
    return SampleSet.from_spins(glass, spins, [0.5, 1.0])


def qspin(
    *arguments: object, cwd: Path, said: str = "", is_drawn: bool = False, **more: Callable[[int], object]
) -> subprocess.CompletedProcess[str]:
    """The command line as a process that can read what is `said`: what it prints and how it exits.

    Its figures are sketches unless they are to be drawn. `more` is what to do ``meanwhile``, see `Forks`.
    """
    return _forks().run(*arguments, cwd=cwd, said=said, is_drawn=is_drawn, **more)


@functools.cache
def _forks() -> Forks:
    """One for all tests of this process."""
    own = Forks()
    atexit.register(own.close)
    return own


def shared_instance(name: str) -> Path:
    """Path of a public benchmark instance, or a skip that names it."""
    path = SHARED_INSTANCES / name
    if not path.is_file():
        pytest.skip(f"instance {name} is not beside this checkout (../shared/instances)")
    return path
