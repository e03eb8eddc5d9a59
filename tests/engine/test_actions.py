"""What tasks do, and what they do only once."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

import qspin
from qspin import timings
from qspin.engine import Performer, Store, StoredWork, actions
from qspin.executor import Task

PROBLEM = {"kind": "mattis", "settings": {"n_spins": 5, "seed": 1}, "key": "problem", "prepared": {}}


def sample_task(key="a", *, is_timed=False, name="asked"):
    settings = {
        "problem": PROBLEM, "backend": {"name": name, "settings": {}}, "backend_label": "b", "seed": 3,
        "is_timed": is_timed,
    }  # fmt: skip
    return Task(key, "sample", settings, label="a with b")


@pytest.fixture
def asked(monkeypatch):
    """Seeds of the calls of a sampler that stands for every backend, which says what is set on it."""

    class Sampler:
        def __init__(self):
            self.seeds = []

        def sample(self, problem, *, seed):
            self.seeds.append(seed)
            return qspin.get_backend("exact", n_replicas=3).sample(problem, seed=seed)

    sampler = Sampler()
    monkeypatch.setattr(actions, "sampler_of", lambda spec, store=None: sampler)
    monkeypatch.setattr(actions, "_warm", set())
    return sampler


def test_what_is_there_is_not_done_again(asked, tmp_path):
    for _ in range(2):
        Performer(tmp_path)(sample_task())
    assert asked.seeds == [3]


def test_a_sampler_that_goes_elsewhere_takes_neither_the_store_nor_the_next_task_with_it(
    asked, tmp_path, monkeypatch
):
    for name in ("start", "elsewhere"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "start")
    draw = asked.sample

    def sample(problem, *, seed):
        os.chdir(tmp_path / "elsewhere")
        return draw(problem, seed=seed)

    monkeypatch.setattr(asked, "sample", sample)
    with StoredWork(Path("run")) as work:
        for key in ("a", "b"):
            assert work.claim(sample_task(key))
            assert work.perform(sample_task(key)) is None
            work.release(sample_task(key))
    assert Path.cwd() == tmp_path / "start"
    assert sorted(file.name for file in (tmp_path / "start" / "run" / "samples").iterdir()) == [
        "a.nc",
        "b.nc",
    ]
    assert not list((tmp_path / "elsewhere").iterdir())


def test_samples_that_were_just_drawn_are_not_read_to_be_measured(asked, tmp_path, monkeypatch):
    perform = Performer(tmp_path)
    perform(sample_task())
    monkeypatch.setattr(Store, "samples", lambda self, key: pytest.fail("read again"))
    settings = {
        "measure": "energy_curve", "settings": {}, "problem": PROBLEM, "samples": "a", "reference": None,
    }  # fmt: skip
    assert perform(Task("m", "measure", settings, ("a",), "energies")) is None
    assert Store(tmp_path).measured("m")["energy"].size == 1


def test_a_sampler_that_was_interrupted_interrupts(asked, tmp_path):
    def interrupted(problem, *, seed):
        samples = qspin.get_backend("exact", n_replicas=3).sample(problem, seed=seed)
        info = {**samples.info, "status": "interrupted"}
        return qspin.SampleSet.from_spins(problem, samples.spins.values, samples.betas, info)

    asked.sample = interrupted
    with pytest.raises(KeyboardInterrupt):
        Performer(tmp_path)(sample_task())
    assert not Store(tmp_path).has(sample_task())


class TestTimings:
    """Done tasks are timed, for estimates of later runs."""

    @pytest.fixture(autouse=True)
    def _empty(self, tmp_path, monkeypatch):
        monkeypatch.setenv("QSPIN_CACHE_DIR", str(tmp_path / "cache"))
        monkeypatch.setattr(actions, "_timed", set())
        timings._seen.clear()

    def kept(self):
        return timings._read(timings.timings_file())

    def test_by_kernel_and_size_the_first_of_a_process_told_apart(self, asked, tmp_path):
        for key in ("a", "b"):
            Performer(tmp_path)(replace(sample_task(key), kernel="dice", work=7.0))
        assert [(timing.kernel, timing.work, timing.is_first) for timing in self.kept()] == [
            ("dice", 7.0, True), ("dice", 7.0, False),
        ]  # fmt: skip
        assert {(timing.n_spins, timing.n_couplings) for timing in self.kept()} == {(5, 10)}
        assert all(0 < timing.seconds < 10 for timing in self.kept())

    def test_not_what_nobody_can_compare_or_what_failed(self, asked, tmp_path, monkeypatch):
        Performer(tmp_path)(sample_task())
        monkeypatch.setattr(asked, "sample", None)
        assert Performer(tmp_path)(replace(sample_task("b"), kernel="dice", work=7.0)) is not None
        assert self.kept() == []

    def test_warming_up_counts_for_the_first_alone(self, asked, tmp_path, monkeypatch):
        sample, now = asked.sample, [0.0]

        def slow_at_first(problem, *, seed):
            now[0] += 5.0 * (len(asked.seeds) < 1)
            return sample(problem, seed=seed)

        monkeypatch.setattr(time, "perf_counter", lambda: now[0])

        monkeypatch.setattr(asked, "sample", slow_at_first)
        for key in ("a", "b"):
            Performer(tmp_path)(replace(sample_task(key, is_timed=True), kernel="dice", work=7.0))
        first, second = self.kept()
        assert first.starting == 5.0 > max(first.seconds, second.seconds)

    def test_not_what_only_went_on(self, asked, tmp_path):
        task = replace(sample_task(), kernel="dice", work=7.0)
        checkpoint = Store(tmp_path).checkpoint(task)
        checkpoint.parent.mkdir(parents=True)
        checkpoint.write_bytes(b"")
        Performer(tmp_path)(task)
        assert self.kept() == []
