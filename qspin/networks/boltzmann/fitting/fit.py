"""Training of Boltzmann machines, by gradients of their likelihood with a negative phase from anywhere."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from qspin.errors import InputError, RunError, shown
from qspin.networks.boltzmann.fitting.choice import phase_of
from qspin.networks.boltzmann.fitting.phases import Negative, NegativePhase, State
from qspin.networks.boltzmann.fitting.positive import positive_gradients
from qspin.networks.boltzmann.fitting.record import Record, remarks_on
from qspin.networks.boltzmann.fitting.scoring import Scores, scores_of
from qspin.networks.boltzmann.fitting.unfinished import Unfinished, digest_of_data
from qspin.networks.boltzmann.machines import Gradients, Machine
from qspin.progress import report_progress
from qspin.remarks import Remark
from qspin.sampler import Sampler
from qspin.validate import checked_count, checked_real

__all__ = ["BoltzmannFit", "fit_boltzmann"]

Optimiser = Callable[[Iterable[Any]], torch.optim.Optimizer]
Schedule = Callable[[torch.optim.Optimizer], torch.optim.lr_scheduler.LRScheduler]


@dataclass(frozen=True)
class BoltzmannFit:
    """What a training left behind.

    Parameters
    ----------
    machine : that was given, trained; with the parameters that found held-out data likeliest where it was
        stopped by these
    curves : over ``step``: ``gradient_norm``; ``gradient_noise``, the standard error that the samples of the
        negative phase give it; ``persistence``, the correlation of its chains with themselves a step before;
        ``beta_effective`` and ``beta_effective_error``, at which its samples were, 1 being the model;
        ``learning_rate``, ``seconds`` and ``paid_seconds``. Over ``evaluation``, with ``steps_done``:
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


@dataclass(frozen=True)
class _Plan:
    """What a training does, checked."""

    phase: NegativePhase
    data: Tensor
    n_steps: int
    batch_size: int
    evaluate_every: int
    keep_at: frozenset[int]
    centred: bool
    offset_rate: float
    n_positive: int
    patience: int | None
    seed: int


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
    best: dict[str, Tensor] | None = None
    kept: dict[int, dict[str, Tensor]] = field(default_factory=dict)
    done: int = 0

    def saved(self) -> dict[str, Any]:
        """For `torch.load` with ``weights_only``."""
        return {
            "machine": dict(self.machine.state_dict()),
            "optimiser": self.optimiser.state_dict(),
            "scheduler": None if self.scheduler is None else self.scheduler.state_dict(),
            "record": [self.record.steps, self.record.evaluations, self.record.evaluated],
            "state": dict(self.state),
            "offsets": self.offsets,
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
        self.kept, self.done = saved["kept"], saved["done"]


def fit_boltzmann(
    machine: Machine,
    data: Any,
    sampler: str | Sampler | NegativePhase = "pcd",
    *,
    seed: int,
    n_steps: int = 1_000,
    batch_size: int | None = None,
    learning_rate: float = 0.02,
    optimiser: Optimiser | None = None,
    schedule: Schedule | None = None,
    weight_decay: float = 0.0,
    centred: bool = True,
    offset_rate: float = 0.05,
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
        `SampledPhase`); or `ExactPhase`, `GibbsPhase`, `SampledPhase` with settings of their own
    seed : of batches and samples; the same one gives the same machine
    n_steps : updates of the parameters
    batch_size : data of a step, in an order that is drawn anew when they are through; default all
    learning_rate : of Adam
    optimiser : or another one, a function of the parameters: ``lambda p: torch.optim.SGD(p, lr=0.1)``
    schedule : of its learning rate, a function of the optimiser that returns a scheduler of torch, stepped
        after every update
    weight_decay : of couplings and weights, not of fields and biases, units of 1/step and learning rate
    centred : write the energy with x - <x> in the place of x; offsets are means of data and model
    offset_rate : of the moving average of these offsets
    n_positive : sweeps of hidden units with visible ones held, where hidden units cannot be summed over
    held_out : data that it does not learn from
    evaluate_every : steps between two evaluations of the likelihood
    keep_at : steps after which parameters are kept, 0 being before the first; the likelihood is evaluated
        there too
    likelihood : how: see `log_likelihood`; ``auto``: exact up to 2^16 configurations, else ``ais``
    patience : stop when so many evaluations after the best one held-out data are no likelier, and take the
        parameters of that
    checkpoint : file in which unfinished training is kept and gone on from; it is removed when all is done
    checkpoint_seconds : between two saves

    Raises
    ------
    InputError
        If data are no values of the units, settings do not fit each other, a sampler cannot be had at
        beta = 1 or states no temperature, or the checkpoint is of another training.
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
    rows = _checked_data(machine, data, "data")
    unseen = None if held_out is None else _checked_data(machine, held_out, "held_out")
    plan = _Plan(
        phase=phase_of(sampler),
        data=rows,
        n_steps=checked_count(n_steps, "n_steps", least=1),
        batch_size=len(rows) if batch_size is None else checked_count(batch_size, "batch_size", least=1),
        evaluate_every=checked_count(evaluate_every, "evaluate_every", least=1),
        keep_at=frozenset(checked_count(step, "a step of keep_at") for step in keep_at),
        centred=bool(centred),
        offset_rate=_share(offset_rate, "offset_rate"),
        n_positive=checked_count(n_positive, "n_positive", least=1),
        patience=None if patience is None else checked_count(patience, "patience", least=1),
        seed=checked_count(seed, "seed"),
    )
    scores = scores_of(machine, rows, unseen, likelihood, plan.seed)
    if plan.patience is not None and (unseen is None or scores.method is None):
        raise InputError("patience stops by the likelihood of held-out data: pass held_out, and a likelihood")
    plan.phase.check(machine)
    descent = _optimiser(machine, optimiser, learning_rate, weight_decay)
    run = _Run(machine, descent, None if schedule is None else schedule(descent), Record(), scores, {})
    unfinished = Unfinished(checkpoint, checkpoint_seconds, _identity(machine, plan, descent, unseen, scores))
    if (saved := unfinished.load()) is not None:
        run.restore(saved)
    stopped = _train(run, plan, unfinished)
    unfinished.done()
    curves = run.record.dataset()
    return BoltzmannFit(machine, curves, stopped, (*scores.remarks, *remarks_on(curves)), run.kept)


def _train(run: _Run, plan: _Plan, unfinished: Unfinished) -> Literal["steps", "held_out"]:
    """To the end, or until held-out data grow no likelier."""
    if not run.done and not run.record.evaluated:
        _look(run, plan)
    while run.done < plan.n_steps:
        if _is_over(run, plan):
            break
        unfinished.keep(run.saved)
        start = time.perf_counter()
        negative, norm = _step(run, plan)
        run.record.step(
            gradient_norm=norm,
            gradient_noise=negative.noise,
            persistence=negative.persistence,
            beta_effective=negative.beta,
            beta_effective_error=negative.beta_error,
            learning_rate=run.optimiser.param_groups[0]["lr"],
            seconds=time.perf_counter() - start,
            paid_seconds=negative.paid,
        )
        if run.scheduler is not None:
            run.scheduler.step()
        run.done += 1
        _look(run, plan)
        report_progress(run.done / plan.n_steps, f"step {run.done} of {plan.n_steps}", gradient=norm)
    if plan.patience is None or run.best is None:
        return "steps"
    is_over = _is_over(run, plan)
    run.machine.load_state_dict(run.best)
    return "held_out" if is_over else "steps"


def _step(run: _Run, plan: _Plan) -> tuple[Negative, float]:
    """One update of the parameters: the negative phase, and the norm of the gradient."""
    machine, (of_data, of_model) = run.machine, _seeds(plan.seed, run.done)
    batch = _batch(plan, run.done)
    negative = plan.phase.negative(machine, batch, run.state, of_model)
    run.state = negative.state
    positive = positive_gradients(machine, batch, of_data, plan.n_positive)
    gradients = {name: positive[name] - negative.gradients[name] for name in positive}
    norm = math.sqrt(sum(float((own**2).sum()) for own in gradients.values()))
    if not math.isfinite(norm):
        raise RunError(f"training diverged at step {run.done + 1}: take a lower learning rate")
    if plan.centred:
        run.offsets = _offsets(run, plan, positive, negative.gradients)
        gradients = machine.centred(gradients, run.offsets)
    for name, parameter in machine.named_parameters():
        parameter.grad = gradients[name]
    before = {name: parameter.detach().clone() for name, parameter in machine.named_parameters()}
    run.optimiser.step()
    if run.offsets is not None:
        machine.follow(before, run.offsets)
    return negative, norm


def _offsets(run: _Run, plan: _Plan, positive: Gradients, negative: Gradients) -> Tensor:
    """Moving average of the means of data and model."""
    now = (run.machine.unit_means(positive) + run.machine.unit_means(negative)) / 2
    return now if run.offsets is None else torch.lerp(run.offsets, now, plan.offset_rate)


def _seeds(seed: int, step: int) -> list[int]:
    """Of the positive and of the negative phase of a step."""
    return [int(k) for k in np.random.SeedSequence([seed, 1, step]).generate_state(2)]


def _batch(plan: _Plan, step: int) -> Tensor:
    """The data of a step; they come in another order every time that all have been seen."""
    n = len(plan.data)
    if plan.batch_size >= n:
        return plan.data
    per_epoch = -(-n // plan.batch_size)
    epoch, k = divmod(step, per_epoch)
    order = np.random.default_rng([plan.seed, 2, epoch]).permutation(n)
    return plan.data[torch.as_tensor(order[k * plan.batch_size : (k + 1) * plan.batch_size])]


def _look(run: _Run, plan: _Plan) -> None:
    """Keep the parameters and evaluate the likelihood, where the steps that are done ask for it."""
    if is_kept := run.done in plan.keep_at:
        run.kept[run.done] = _state(run.machine)
    if is_kept or run.done % plan.evaluate_every == 0 or run.done == plan.n_steps:
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


def _is_over(run: _Run, plan: _Plan) -> bool:
    """Whether so many evaluations have gone by since the best one."""
    if plan.patience is None:
        return False
    values = run.record.column("held_out")
    return len(values) - 1 - int(np.nanargmax(values)) >= plan.patience


def _optimiser(
    machine: Machine, given: Optimiser | None, learning_rate: float, weight_decay: float
) -> torch.optim.Optimizer:
    """Of groups: what couples units, which decays, and the rest."""
    rate, decay = checked_real(learning_rate, "learning_rate"), checked_real(weight_decay, "weight_decay")
    if rate <= 0 or decay < 0:
        raise InputError(
            f"learning_rate is positive and weight_decay not negative; got {rate:g} and {decay:g}"
        )
    couples = {"weights", "couplings"}
    groups = [
        {"params": [p for name, p in machine.named_parameters() if (name in couples) == decays], **extra}
        for decays, extra in ((True, {"weight_decay": decay}), (False, {"weight_decay": 0.0}))
    ]
    if given is None:
        return torch.optim.Adam(groups, lr=rate)
    found = given(groups)
    if not isinstance(found, torch.optim.Optimizer):
        raise InputError(f"optimiser is a function that returns one of torch; it returned {shown(found)}")
    return found


def _identity(
    machine: Machine, plan: _Plan, optimiser: torch.optim.Optimizer, unseen: Tensor | None, scores: Scores
) -> dict[str, Any]:
    """What a training must share with an unfinished one; how long it is decides nothing of a step."""
    plain = {key: value for key, value in optimiser.defaults.items() if isinstance(value, int | float | str)}
    return {
        "machine": machine.description().digest,
        "data": digest_of_data(plan.data, unseen),
        "phase": plan.phase.identity(),
        "optimiser": {"kind": type(optimiser).__name__, **plain},
        "batch_size": plan.batch_size,
        "centred": [plan.centred, plan.offset_rate],
        "n_positive": plan.n_positive,
        "evaluations": [plan.evaluate_every, scores.method, sorted(plan.keep_at)],
        "seed": plan.seed,
    }


def _checked_data(machine: Machine, data: Any, what: str) -> Tensor:
    rows = machine.checked_visible(data, what)
    if rows.ndim != 2 or not len(rows):
        raise InputError(
            f"{what} must have shape (n, {machine.n_visible}), at least one row; got {tuple(rows.shape)}"
        )
    return rows


def _share(value: Any, what: str) -> float:
    number = checked_real(value, what)
    if not 0 < number <= 1:
        raise InputError(f"{what} must lie above 0 and not above 1; got {number:g}")
    return number
