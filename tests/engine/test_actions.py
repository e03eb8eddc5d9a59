"""What tasks do, and what they do only once."""

from __future__ import annotations

import pytest

import qspin
from qspin.engine import Performer, Store, actions
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
