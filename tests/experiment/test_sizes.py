"""What is known of tasks before they are done: memory, work, lanes and threads."""

from __future__ import annotations

import time

import pytest

from qspin.experiment.config.run_config import config_from_plain
from qspin.experiment.plan import planned
from qspin.experiment.sizes import Sizes, sized

SPIN_GLASS = {"kind": "edwards_anderson", "shape": [4, 4]}


def config(problems, backends, **changes):
    return config_from_plain(
        {"schema": 2, "name": "sizes", "problems": problems, "backends": backends, **changes}
    )


def tasks(action, *parts, **changes):
    plan = sized(planned(config(*parts, **changes)))
    return [task for task in plan.tasks.values() if task.action == action]


def test_samples_and_measures_have_memory_and_work():
    backends = {"mc": {"name": "tempering", "betas": [0.5, 1.0], "n_threads": 2}}
    samples = tasks("sample", {"glass": SPIN_GLASS}, backends)
    measures = tasks("measure", {"glass": SPIN_GLASS}, backends)
    assert [task.kernel for task in samples] == ["tempering tempering sparse"]
    assert [task.n_threads for task in samples] == [2]
    assert measures
    for task in [*samples, *measures]:
        assert task.memory > 0
        assert task.work > 0
    assert all(task.kernel.startswith("measure ") for task in measures)


def test_more_replicas_take_more_memory():
    few, many = (
        tasks("sample", {"glass": SPIN_GLASS}, {"mc": {"name": "tempering", "n_replicas": n}})[0]
        for n in (4, 400)
    )
    assert many.memory > few.memory
    assert many.work > few.work


def test_nothing_of_it_enters_a_key():
    plan = planned(config({"glass": SPIN_GLASS}, {"mc": {"name": "tempering"}}))
    assert list(sized(plan).tasks) == list(plan.tasks)


def test_paid_tasks_of_one_backend_share_a_lane_and_are_not_asked_about(kinds, monkeypatch):
    import qspin

    def refuse(self, problem):
        raise AssertionError("a plan asks nobody over a network")

    monkeypatch.setattr(qspin.registry.backend_class("annealer"), "workload", refuse)
    backends = {"chip": {"name": "annealer", "device": "qpu"}, "dice": {"name": "dice"}}
    found = {task.label: task for task in tasks("sample", {"glass": SPIN_GLASS}, backends)}
    assert (found["glass with chip"].lane, found["glass with chip"].memory) == ("annealer", 0)
    dice = found["glass with dice"]
    assert (dice.lane, dice.memory, dice.work) == ("", 0, 16 + 2 * 32)
    assert dice.kernel.startswith("dice "), "those of the same settings tell of one another"


def test_a_training_tells_what_it_takes():
    pytest.importorskip("torch")
    network = {"kind": "mlp", "dataset": "digits_small", "layers": [12, 5, 3], "epochs": 10}
    (training,) = tasks("prepare", {"twin": network}, {"mc": {"name": "tempering"}})
    assert training.kernel == "training on digits_small in batches of 64"
    assert training.memory > 0


def test_instances_are_asked_about_once_and_quickly(monkeypatch):
    from qspin_backends.tempering import Tempering

    asked = []
    tell = Tempering.workload
    monkeypatch.setattr(
        Tempering, "workload", lambda self, problem: asked.append(problem) or tell(self, problem)
    )
    problems = {"glass": {**SPIN_GLASS, "instances": 1_000}}
    plan = planned(config(problems, {"mc": {"name": "tempering"}}))
    began = time.process_time()
    found = sized(plan)
    seconds = time.process_time() - began
    assert len(asked) == 1
    assert all(task.memory for task in found.tasks.values())
    assert seconds < 0.5 * len(plan.tasks) * 1e-3, f"{seconds:.2g} s for {len(plan.tasks)} tasks"


def test_settings_that_backends_share_count_before_they_are_found(tmp_path):
    from qspin.engine import Store

    sizes = {"shape": [[3, 3], [4, 4]]}
    problems = {"glass": {"kind": "edwards_anderson", "sizes": sizes, "instances": 2}}
    plan = planned(config(problems, {"mc": {"name": "tempering"}}, studies={"finite_size": {}}))
    found = {task.label: task for task in sized(plan).tasks.values()}
    shared = [task for task in found.values() if task.kernel == "shared settings of tempering"]
    samples = [task for task in plan.samples()]
    assert len(shared) == 1
    assert len(samples) == 4
    knowing = Sizes(plan, Store(tmp_path))
    assert {len(knowing.sampler(task).betas) for task in samples} == {6}  # of the largest, 1.6 x sqrt(16)
    assert all(knowing.of(task).memory for task in samples)


MACHINE = {"kind": "boltzmann", "dataset": "bars_and_stripes", "size": 2, "hidden": 3, "sampler": "hand"}
HAND = {"name": "tempering", "betas": [0.5, 1.0], "n_replicas": 8, "n_sweeps": 10}


def training(backend=HAND, **changes):
    pytest.importorskip("torch")
    look = {"look": {"name": "exact", "betas": [1.0]}, "hand": backend}
    (found,) = tasks("prepare", {"machine": {**MACHINE, **changes}}, look)
    return found


def test_a_training_by_a_backend_takes_what_its_calls_take():
    """Ten times the steps, ten times the time; more of a call, more of it."""
    few = training(epochs=10, likelihood="none")
    assert few.kernel == "training a Boltzmann machine by tempering tempering sparse"
    assert training(epochs=100, likelihood="none").work == pytest.approx(10 * few.work)
    assert training({**HAND, "n_sweeps": 100_000}, epochs=10, likelihood="none").work > 2 * few.work
    assert training(epochs=10).work > few.work
    assert few.memory > 2**28


def test_trainings_are_asked_about_once_for_all_instances(monkeypatch):
    from qspin_backends.tempering import Tempering

    asked = []
    tell = Tempering.workload
    monkeypatch.setattr(
        Tempering, "workload", lambda self, problem: asked.append(problem) or tell(self, problem)
    )
    pytest.importorskip("torch")
    problems = {"machine": {**MACHINE, "instances": 5}}
    backends = {"look": {"name": "exact", "betas": [1.0]}, "hand": HAND}
    found = tasks("prepare", problems, backends, studies={"training": {}})
    assert len(found) == 5
    assert len({(task.kernel, task.work) for task in found}) == 1
    assert len(asked) == 1


def test_a_training_by_a_backend_that_does_not_tell_is_known_by_its_title_alone(kinds):
    pytest.importorskip("torch")
    dice = training({"name": "dice"})
    assert dice.kernel == "prepare training a Boltzmann machine 4-3 on bars_and_stripes of size 2 by hand"
    assert (dice.work, dice.memory) == (1.0, 0)
