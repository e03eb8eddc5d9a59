"""What one `sample` call on paid hardware is: the same after a kill, by the checkpoint of its run."""

from __future__ import annotations

import secrets
from typing import Any

from qspin.problem import IsingProblem
from qspin.sampler import Seed, current_checkpoint, resolved_seed

__all__ = ["begun", "ended", "purpose_of"]


def begun(problem: IsingProblem, seed: Seed, *, reuse: bool) -> dict[str, Any]:
    """Seed, problem, a name of the purchase and whether others may answer it; kept in the checkpoint of the
    run, if there is one.

    A call that is resumed goes on as it was begun, whatever `reuse` says by then, and finds what it bought.

    Raises
    ------
    InputError
        If the seed is none, or the checkpoint belongs to another call.
    """
    checkpoint = current_checkpoint()
    kept = None if checkpoint is None else checkpoint.identity()
    identity = {
        "seed": resolved_seed(seed, kept),
        "problem": problem.digest,
        "purchase": (kept or {}).get("purchase", secrets.token_hex(8)),
        "reuse": (kept or {}).get("reuse", reuse),
    }
    if checkpoint is not None:
        checkpoint.load(identity)
        checkpoint.save(identity, {})
    return identity


def ended() -> None:
    """Nothing is left to resume."""
    if (checkpoint := current_checkpoint()) is not None:
        checkpoint.discard()


def purpose_of(identity: dict[str, Any]) -> dict[str, Any]:
    """What answers are found again by; without ``reuse`` only by this call, or one from its checkpoint."""
    names = ("problem", "seed") if identity["reuse"] else ("problem", "seed", "purchase")
    return {name: identity[name] for name in names}
