"""What tasks do: prepare, sample and measure, each from plain settings and what the store holds.

Whoever executes tasks, here or elsewhere, calls `Performer`. In one process the problem and the samples of
the last tasks stay at hand, so that what is measured is neither built nor read again.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import xarray as xr

from qspin.checkpoint import checkpointing
from qspin.engine.recent import Recent
from qspin.engine.storage.store import Outcome, Store
from qspin.engine.threads import one_blas_thread
from qspin.errors import InputError, RunError
from qspin.executor import Task
from qspin.problem import IsingProblem
from qspin.registry import get_backend, get_measure, get_source
from qspin.sampler import Sampler, is_paid, shared_settings
from qspin.samples import SampleSet
from qspin.sampling import check_samples, sampled
from qspin.source import Preparation, Prepared, Source, Tools
from qspin.stopping import shielded
from qspin.timings import Timing, keep_timing

__all__ = ["Performer", "built", "kinds_of", "preparation_of", "sampler_of", "source_from"]

Plain = Mapping[str, Any]

_problems: Recent[IsingProblem] = Recent(most=4)
_samples: Recent[SampleSet] = Recent(most=16, most_bytes=2**28, size=lambda samples: samples.dataset.nbytes)
_warm: set[str] = set()
_timed: set[str] = set()


@dataclass(frozen=True)
class Performer:
    """Does one task and stores what it gives; what is there already is not done again.

    Parameters
    ----------
    path : of the store
    """

    path: Path

    def __call__(self, task: Task) -> str | None:
        """What failed, a sentence; None if nothing did.

        Raises
        ------
        StorageError
            If what it gave cannot be written.
        KeyboardInterrupt
            Also where a sampler was interrupted and returned what there was.
        """
        return self.outcome(task).failure

    def outcome(self, task: Task) -> Outcome:
        """The same with what is known of a failure; raises as a call does."""
        store = Store(self.path.absolute())
        if store.has(task):
            return Outcome()
        took, began = _Took(), time.perf_counter()
        with _staying(), store.recorded(task) as outcome, one_blas_thread():
            took = _ACTIONS[task.action](task, store)
        if outcome.failure is None:
            _keep_timing(task, time.perf_counter() - began, took)
        return outcome


@contextlib.contextmanager
def _staying() -> Iterator[None]:
    """A task may change the working directory, for itself: relative paths of the run, and of the next task,
    lead where they did."""
    here = None
    with contextlib.suppress(FileNotFoundError):  # it was removed: then no path leads anywhere from there
        here = os.getcwd()
    try:
        yield
    finally:
        if here is not None:
            with contextlib.suppress(FileNotFoundError):
                os.chdir(here)


class _Took(NamedTuple):
    """What the time of a task is held against.

    Parameters
    ----------
    apart : seconds that the next one of its kind does not take
    own : that a sampler says its work took; None where there is none, or it does not say
    n_spins, n_couplings : of its problem
    is_whole : whether all of it was done now
    """

    apart: float = 0.0
    own: float | None = None
    n_spins: int = 0
    n_couplings: int = 0
    is_whole: bool = True


def _keep_timing(task: Task, seconds: float, took: _Took) -> None:
    """For estimates of later runs."""
    if not task.kernel or not took.is_whole:
        return
    is_first = task.kernel not in _timed
    _timed.add(task.kernel)
    work = max(seconds - took.apart, 0.0)
    if is_first and took.own is not None:  # all else is mostly the loading of libraries
        work = min(work, took.own)
    keep_timing(
        Timing(
            task.kernel,
            task.work,
            work,
            took.n_spins,
            took.n_couplings,
            min(task.n_threads or _present_threads(), task.n_parts),
            is_first,
            starting=seconds - work if is_first else 0.0,
        )
    )


def _present_threads() -> int:
    """That Numba gives to what runs now."""
    numba = sys.modules.get("numba")
    return int(numba.get_num_threads()) if numba is not None else os.cpu_count() or 1


# -- prepare -------------------------------------------------------------------------------------


def _prepare(task: Task, store: Store) -> _Took:
    if "shared" in task.settings:
        store.keep_prepared(task.key, _shared(task.settings["shared"], store))
        return _Took()
    preparation, samplers = preparation_of(task)
    prepared = {need: store.prepared(key) for need, key in task.settings["prepared"].items()}
    checkpoint = store.checkpoint(task)
    took = _Took(is_whole=not checkpoint.exists())
    with checkpointing(checkpoint):
        made = preparation.make(Tools(samplers, prepared, checkpoint))
        with shielded():
            store.keep_prepared(task.key, made)
    return took


def _shared(settings: Plain, store: Store) -> Prepared:
    """Settings that a sampler finds for several problems together, as JSON text in an array."""
    problems = [built(problem, store) for problem in settings["problems"]]
    found = shared_settings(sampler_of(settings["backend"]), problems, settings["seed"])
    return Prepared({"settings": np.array(json.dumps(found))})


# -- sample --------------------------------------------------------------------------------------


def _sample(task: Task, store: Store) -> _Took:
    problem = built(task.settings["problem"], store)
    sampler = sampler_of(task.settings["backend"], store)
    label = str(task.settings["backend_label"])
    began = time.perf_counter()
    if task.settings.get("is_timed"):
        _warm_up(task.settings["backend"], sampler, problem, label)
    warming = time.perf_counter() - began
    checkpoint = store.checkpoint(task)
    is_whole = not checkpoint.exists()
    with checkpointing(checkpoint):
        samples = sampled(sampler, problem, seed=task.settings["seed"], backend=label)
        if samples.info["status"] == "interrupted":
            raise KeyboardInterrupt
        with shielded():
            store.keep_samples(task.key, samples)
    _samples.keep(str(store.file(task.action, task.key)), samples)
    clocks = samples.info["clocks"]
    apart = float(clocks.get("compile", 0.0))
    own = sum(clocks.values()) - apart
    return _Took(warming + apart, own, problem.n_spins, problem.n_couplings, is_whole)


def _warm_up(spec: Plain, sampler: Sampler, problem: IsingProblem, label: str) -> None:
    """One call whose samples are dropped, so that seconds are not those of a compiler; none that is paid.

    Once for each label, which may stand for another method or kernel of one backend.
    """
    what = f"{spec['name']} {label}"
    if what in _warm or is_paid(sampler):
        return
    _warm.add(what)
    if sampled(sampler, problem, seed=0, backend=label).info["status"] == "interrupted":
        raise KeyboardInterrupt


# -- measure -------------------------------------------------------------------------------------


def _measure(task: Task, store: Store) -> _Took:
    settings = task.settings
    measure: Any = get_measure(settings["measure"], **settings["settings"])
    problem = built(settings["problem"], store)
    samples = [
        _loaded(key, problem, store) for key in (settings["samples"], settings.get("reference")) if key
    ]
    first, *reference = samples
    result = measure.measure(first, problem, *reference)
    _check_result(result, str(settings["measure"]))
    store.keep_measured(task.key, result)
    return _Took(n_spins=problem.n_spins, n_couplings=problem.n_couplings)


def _check_result(result: Any, measure: str) -> None:
    """Refuse what files cannot hold, which costs this measure and no other."""
    if not isinstance(result, xr.Dataset):
        raise RunError(f"measure {measure!r} returned a {type(result).__name__}; expected an xarray.Dataset")
    for name, variable in result.variables.items():
        is_text = variable.dtype.kind == "O" and all(isinstance(value, str) for value in variable.values.flat)
        if variable.dtype.kind not in "biufUS" and not is_text:
            raise RunError(
                f"measure {measure!r}: variable {name!r} has dtype {variable.dtype}; expected numbers or text"
            )


def _loaded(key: str, problem: IsingProblem, store: Store) -> SampleSet:
    def load() -> SampleSet:
        samples = store.samples(key)
        check_samples(samples, problem, energies=False)
        return samples

    return _samples.get(str(store.file("sample", key)), load)


_ACTIONS: dict[str, Callable[[Task, Store], _Took]] = {
    "prepare": _prepare,
    "sample": _sample,
    "measure": _measure,
}


def kinds_of(task: Task) -> Iterator[tuple[str, str]]:
    """Plurals of kinds and names that a task makes, such as ``("backends", "exact")``."""
    settings = task.settings
    if "measure" in settings:
        yield "measures", settings["measure"]
    for backend in (settings.get("backend"), *settings.get("samplers", {}).values()):
        if backend is not None:
            yield "backends", backend["name"]
    for source in (settings.get("source"), settings.get("problem")):
        if source is not None:
            yield "sources", source["kind"]
    if "shared" in settings:
        yield from kinds_of(replace(task, settings=settings["shared"]))
    for problem in settings.get("problems", ()):
        yield "sources", problem["kind"]


# -- from plain settings -------------------------------------------------------------------------


def source_from(spec: Plain) -> Source:
    """From ``{"kind": ..., "settings": {...}}``."""
    return get_source(str(spec["kind"]), **spec["settings"])


def preparation_of(task: Task) -> tuple[Preparation, dict[str, Sampler]]:
    """What a task prepares, and the samplers that it uses, by label."""
    own: Source | Preparation = source_from(task.settings["source"])
    for need in task.settings["path"]:
        own = own.needs()[need]
    samplers = {label: sampler_of(spec) for label, spec in task.settings["samplers"].items()}
    return cast(Preparation, own), samplers


def built(spec: Plain, store: Store) -> IsingProblem:
    """The problem of a spec with ``key`` and ``prepared`` (need -> key of a preparation).

    Raises
    ------
    InputError
        If a preparation is not there.
    """

    def build() -> IsingProblem:
        source = source_from(spec)
        return source.build({need: store.prepared(key) for need, key in spec["prepared"].items()})

    return _problems.get(f"{store.path}:{spec['key']}", build)


def sampler_of(spec: Plain, store: Store | None = None) -> Sampler:
    """From ``{"name": ..., "settings": {...}}``; with ``shared``, the key of settings found elsewhere."""
    settings = dict(spec["settings"])
    if (key := spec.get("shared")) is not None:
        if store is None:
            raise InputError("settings that backends share lie in a store, and none was given")
        settings |= json.loads(str(store.prepared(key).arrays["settings"]))
    return get_backend(str(spec["name"]), **settings)
