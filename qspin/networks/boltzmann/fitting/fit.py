"""Training of Boltzmann machines, by gradients of their likelihood with a negative phase from anywhere."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from qspin.errors import InputError
from qspin.networks.boltzmann.fitting.course import Course
from qspin.networks.boltzmann.fitting.descent import (
    Optimiser,
    Schedule,
    ScheduleName,
    descended,
    optimiser_of,
    pace_after,
    scheduler_of,
    shrink,
)
from qspin.networks.boltzmann.fitting.phases import NegativePhase, State
from qspin.networks.boltzmann.fitting.plan import Plan, checked_data, checked_plan
from qspin.networks.boltzmann.fitting.positive import positive_gradients
from qspin.networks.boltzmann.fitting.record import Record, remarks_on
from qspin.networks.boltzmann.fitting.scoring import Scores, scores_of
from qspin.networks.boltzmann.fitting.unfinished import (
    Unfinished,
    identity_of_descent,
    identity_of_machine,
)
from qspin.networks.boltzmann.machines import Gradients, Machine, norm_of, numbers_of, require_usable
from qspin.remarks import Remark
from qspin.sampler import Sampler

__all__ = ["BoltzmannFit", "fit_boltzmann"]


@dataclass(frozen=True)
class BoltzmannFit:
    """What a training left behind.

    Parameters
    ----------
    machine : that was given, trained; with the parameters that found held-out data likeliest where it was
        stopped by these
    curves : over ``step``: ``gradient_norm``; ``gradient_noise``, the standard error that the samples of the
        negative phase give it; ``persistence``, the correlation of its chains with themselves a step before;
        ``promised_gain`` of the mean log-likelihood, to first order in what the step changed, as its
        gradients have it, nat;
        ``beta_effective`` and ``beta_effective_error``, at which its samples were, 1 being the model, and NaN
        where a device let no temperature be measured; NaN too is what a negative phase cannot tell, such as
        the persistence of new chains; ``factor`` on the energy, with which a sampler without a thermostat was
        programmed; ``shrunk``, by what parameters were multiplied because it got no colder, 1 of all others;
        ``learning_rate``; ``seconds``, without those of compiling, and ``paid_seconds``; ``samples`` of the
        negative phase, 0 of exact sums. Over ``evaluation``, with ``steps_done``:
        ``log_likelihood`` and ``held_out``, means in nats with their errors, and ``bounds_gap``
    stopped : ``steps``: all of them were done; ``held_out``: data that it had not seen grew no likelier
    remarks : what to know of it
    kept : step -> state dict after it, 0 being before the first
    """

    machine: Machine
    curves: xr.Dataset
    stopped: Literal["steps", "held_out"]
    remarks: tuple[Remark, ...] = ()
    kept: Mapping[int, dict[str, Tensor]] = field(default_factory=dict)


@dataclass
class _Run:
    """Where a training is."""

    machine: Machine
    optimiser: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.LRScheduler | None
    record: Record
    scores: Scores
    state: State
    offsets: Tensor | None = None
    pace: float = 1.0
    best: dict[str, Tensor] | None = None
    kept: dict[int, dict[str, Tensor]] = field(default_factory=dict)
    done: int = 0

    def saved(self) -> dict[str, Any]:
        """For `torch.load` with ``weights_only``."""
        return {
            "machine": dict(self.machine.state_dict()),
            "optimiser": self.optimiser.state_dict(),
            "scheduler": None if self.scheduler is None else self.scheduler.state_dict(),
            "record": self.record.parts(),
            "state": dict(self.state),
            "offsets": self.offsets,
            "pace": self.pace,
            "best": self.best,
            "kept": self.kept,
            "done": self.done,
        }

    def restore(self, saved: dict[str, Any]) -> None:
        self.machine.load_state_dict(saved["machine"])
        self.optimiser.load_state_dict(saved["optimiser"])
        if self.scheduler is not None:
            self.scheduler.load_state_dict(saved["scheduler"])
        self.record = Record(*saved["record"])
        self.state, self.offsets, self.best = saved["state"], saved["offsets"], saved["best"]
        self.kept, self.done, self.pace = saved["kept"], saved["done"], saved["pace"]


def fit_boltzmann(
    machine: Machine,
    data: Any,
    sampler: str | Sampler | NegativePhase = "pcd",
    *,
    seed: int,
    n_steps: int = 1_000,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    optimiser: Optimiser | None = None,
    schedule: Schedule | ScheduleName | None = None,
    weight_decay: float = 0.0,
    centred: bool = True,
    offset_rate: float = 0.05,
    paced: bool = True,
    n_positive: int = 20,
    held_out: Any = None,
    evaluate_every: int = 100,
    keep_at: Collection[int] = (),
    likelihood: Literal["auto", "exact", "ais", "tempering", "none"] = "auto",
    patience: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_seconds: float = 60.0,
) -> BoltzmannFit:
    """Make data likely under a machine, by gradients of the log-likelihood.

    Parameters
    ----------
    machine : of `qspin.networks`; it is changed
    data : (n, n_visible) in its units
    sampler : the negative phase: ``exact``; ``cd`` and ``pcd``, contrastive divergence with one sweep and
        its persistent form; any backend, which is asked for beta = 1 or programmed for it (see
        `SampledPhase`), such as ``qspin.get_backend("tempering")``, which chooses for itself what a step
        needs; or `ExactPhase`, `GibbsPhase`, `SampledPhase` with settings of their own
    seed : of batches and samples; the same one gives the same machine
    n_steps : updates of the parameters
    batch_size : data of a step, in an order that is drawn anew when they are through; default all
    learning_rate : of Adam; default 0.02
    optimiser : or another one, with a rate of its own, a function of the parameters:
        ``lambda p: torch.optim.SGD(p, lr=0.1)``
    schedule : of its learning rate: ``constant``; ``linear``: it falls to nothing at the last step; or a
        function of the optimiser that returns a scheduler of torch, stepped after every update
    weight_decay : of couplings and weights, not of fields and biases, units of 1/step and learning rate
    centred : write the energy with x - <x> in the place of x; offsets are means of data and model
    offset_rate : of the moving average of these offsets
    paced : take the learning rate times 1 - persistence, a moving average, where chains go on from step to
        step: parameters then move no faster than chains follow. Without it, chains that mix slowly drive
        training away from its data
    n_positive : sweeps of hidden units with visible ones held, where hidden units cannot be summed over
    held_out : data that it does not learn from
    evaluate_every : steps between two evaluations of the likelihood
    keep_at : steps, up to the last, after which parameters are kept, 0 being before the first; the likelihood
        is evaluated there too
    likelihood : how: see `log_likelihood`; ``auto``: exact up to 2^16 configurations, else ``ais``
    patience : stop when so many evaluations after the best one held-out data are no likelier, and take the
        parameters of that
    checkpoint : file in which unfinished training is kept and gone on from, with the same machine as it was
        at first; it is removed when all is done
    checkpoint_seconds : between two saves

    Raises
    ------
    InputError
        If the machine is none or its parameters are no finite numbers, data are no values of the units,
        settings do not fit each other, a sampler cannot be had at beta = 1 or states no temperature, or the
        checkpoint is of another training.
    CapacityError
        If an exact phase would take too many configurations.
    RunError
        If it diverges.

    Examples
    --------
    >>> from qspin.networks import RestrictedBoltzmannMachine
    >>> machine = RestrictedBoltzmannMachine(2, 2)
    >>> fit = fit_boltzmann(machine, [[1, 1], [-1, -1]], "exact", seed=0, n_steps=100, learning_rate=0.05)
    >>> bool(fit.curves.log_likelihood[-1] > -0.75)
    True
    """
    require_usable(machine)
    rows = checked_data(machine, data, "data")
    unseen = None if held_out is None else checked_data(machine, held_out, "held_out")
    plan = checked_plan(
        rows, sampler, seed=seed, n_steps=n_steps, batch_size=batch_size, evaluate_every=evaluate_every,
        keep_at=keep_at, centred=centred, offset_rate=offset_rate, paced=paced, n_positive=n_positive,
        patience=patience,
    )  # fmt: skip
    scores = scores_of(machine, rows, unseen, likelihood, plan.seed)
    if plan.patience is not None and (unseen is None or scores.method is None):
        raise InputError("patience stops by the likelihood of held-out data: pass held_out, and a likelihood")
    plan.phase.check(machine)
    descent = optimiser_of(machine, optimiser, learning_rate, weight_decay)
    scheduler = scheduler_of(descent, schedule, plan.n_steps)
    run = _Run(machine, descent, scheduler, Record(), scores, {})
    unfinished = Unfinished(checkpoint, checkpoint_seconds, _identity(run, plan))
    if (saved := unfinished.load()) is not None:
        run.restore(saved)
    stopped = _train(run, plan, unfinished)
    unfinished.done()
    curves = run.record.dataset()
    told = curves if plan.patience is None else curves.isel(evaluation=slice(_since_best(run)[0] + 1))
    return BoltzmannFit(
        machine, curves, stopped, (*scores.remarks, *remarks_on(told, run.record.told)), run.kept
    )


def _train(run: _Run, plan: Plan, unfinished: Unfinished) -> Literal["steps", "held_out"]:
    """To the end, or until held-out data grow no likelier."""
    course = Course(plan.n_steps, plan.n_evaluations, run.done, len(run.record.evaluated))
    if not run.done and not run.record.evaluated:
        _look(run, plan, course)
    while run.done < plan.n_steps:
        if _is_over(run, plan):
            break
        unfinished.keep(run.saved)
        with course.step():
            values, remarks = _step(run, plan)
        run.record.step(remarks, **values)
        if run.scheduler is not None:
            run.scheduler.step()
        run.done += 1
        _look(run, plan, course)
        course.report(f"step {run.done} of {plan.n_steps}", gradient=values["gradient_norm"])
    if plan.patience is None or run.best is None:
        return "steps"
    is_over = _is_over(run, plan)
    run.machine.load_state_dict(run.best)
    return "held_out" if is_over else "steps"


def _step(run: _Run, plan: Plan) -> tuple[dict[str, float], Sequence[Remark]]:
    """One update of the parameters, and what there is to record of it and of its samples."""
    start = time.perf_counter()
    machine, (of_data, of_model) = run.machine, plan.seeds(run.done)
    batch = plan.batch(run.done)
    negative = plan.phase.negative(machine, batch, run.state, of_model)
    run.state = negative.state
    positive = positive_gradients(machine, batch, of_data, plan.n_positive)
    gradients = {name: positive[name] - negative.gradients[name] for name in positive}
    if plan.centred:
        run.offsets = _offsets(run, plan, positive, negative.gradients)
    norm, noise, persistence = numbers_of(norm_of(gradients), negative.noise, negative.persistence)
    if plan.paced:
        run.pace = pace_after(run.pace, persistence)
    rate, promised = descended(
        machine, run.optimiser, gradients, run.offsets, norm=norm, step=run.done + 1, pace=run.pace
    )
    if negative.shrunk != 1:
        shrink(machine, negative.shrunk)
    values = {
        "gradient_norm": norm,
        "gradient_noise": noise,
        "promised_gain": promised,
        "persistence": persistence,
        "beta_effective": negative.beta,
        "beta_effective_error": negative.beta_error,
        "factor": negative.factor,
        "shrunk": negative.shrunk,
        "learning_rate": rate,
        "seconds": time.perf_counter() - start - negative.compiling,
        "paid_seconds": negative.paid,
        "samples": negative.n_samples,
    }
    return values, negative.remarks


def _offsets(run: _Run, plan: Plan, positive: Gradients, negative: Gradients) -> Tensor:
    """Moving average of the means of data and model."""
    now = (run.machine.unit_means(positive) + run.machine.unit_means(negative)) / 2
    return now if run.offsets is None else torch.lerp(run.offsets, now, plan.offset_rate)


def _look(run: _Run, plan: Plan, course: Course) -> None:
    """Keep the parameters and evaluate the likelihood, where the steps that are done ask for it."""
    if run.done in plan.keep_at:
        run.kept[run.done] = _state(run.machine)
    if plan.is_evaluated(run.done):
        with course.evaluation():
            _evaluate(run)


def _state(machine: Machine) -> dict[str, Tensor]:
    """Its state dict, a copy."""
    return {name: tensor.clone() for name, tensor in machine.state_dict().items()}


def _evaluate(run: _Run) -> None:
    values = run.scores.of(run.machine, run.done)
    if not values:
        return
    before = [value for value in run.record.column("held_out") if not math.isnan(value)]
    run.record.evaluation(run.done, **values)
    if (unseen := values.get("held_out")) is not None and unseen > max(before, default=-math.inf):
        run.best = _state(run.machine)


def _is_over(run: _Run, plan: Plan) -> bool:
    """Whether so many evaluations have gone by since the best one."""
    return plan.patience is not None and _since_best(run)[1] >= plan.patience


def _since_best(run: _Run) -> tuple[int, int]:
    """The evaluation that found held-out data likeliest, and how many came after it."""
    values = run.record.column("held_out")
    best = int(np.nanargmax(values))
    return best, len(values) - 1 - best


def _identity(run: _Run, plan: Plan) -> dict[str, Any]:
    """What a training must share with an unfinished one, before its first step; how long it is decides
    nothing of a step."""
    return {
        **identity_of_machine(run.machine, plan.data, run.scores.unseen),
        **identity_of_descent(run.optimiser, run.scheduler),
        "phase": plan.phase.identity(),
        "batch_size": plan.batch_size,
        "centred": [plan.centred, plan.offset_rate],
        "paced": plan.paced,
        "n_positive": plan.n_positive,
        "evaluations": [plan.evaluate_every, run.scores.method, sorted(plan.keep_at)],
        "seed": plan.seed,
    }
