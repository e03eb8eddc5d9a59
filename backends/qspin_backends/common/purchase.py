"""Purchases: what was journalled is sent, waited for and fetched, whatever happens in between.

A job is sent with a label of its own. Then the journal tells what to ask for: an answer by the id of its job;
or, where a process died or the network failed before the id was known, the job by its label. Only a job that
the server does not know is sent again; as long as a request may still be on its way through the server, which
then lists no job yet, the question is repeated.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from numpy.typing import NDArray

from qspin.errors import InputError, QspinError, RunError
from qspin.sampler import report_progress
from qspin_backends.common.faults import Cancelled, Failed, Fault, Refused, TokenRefused, Unknown, patiently
from qspin_backends.common.journal import Answer, Entry

__all__ = ["Job", "Order", "bought", "refuse_beyond", "unanswered"]

UNLISTED_SECONDS = 60.0
"""For which a job that was sent may be missing in the server's list: D-Wave's client and usual gateways give
up on a request after 60 s."""

CLOCK_SKEW_SECONDS = 300.0
"""By which the clock that dated an entry may differ from ours; Kerberos trusts clocks no further."""

_ASK_AGAIN = 2.0  # seconds between two questions, at most


class Job(Protocol):
    """One paid job at a server; every method may raise a `Fault`."""

    noun: ClassVar[str]
    """What the server calls a job."""

    @property
    def server(self) -> str:
        """Its name, for messages."""
        ...

    @property
    def outlives_process(self) -> bool:
        """Whether it goes on at the server if the process that sent it ends."""
        ...

    def send(self, label: str) -> str | None:
        """Start it; its id, if the server says it at once."""
        ...

    def find(self, label: str) -> str | None:
        """Id of the job that was sent under a label, if the server knows it."""
        ...

    def fetch(self, job_id: str) -> None:
        """Take up a job that was sent before."""
        ...

    def answer(self) -> Answer:
        """Wait for the job that was sent or fetched."""
        ...

    def cancel(self, job_id: str) -> bool:
        """Whether the server still could."""
        ...


@dataclass(frozen=True)
class Order:
    """A job, and where the journal keeps it.

    Parameters
    ----------
    job : to be done
    entry : of the journal
    program : arrays by name: what the job programs
    facts : what else the journal is to hold; plain JSON
    shape : (n_reads, n_spins) of its answer
    seconds : of paid time that it is expected to take; None where that is not known
    """

    job: Job
    entry: Entry
    program: Mapping[str, NDArray[Any]]
    facts: Mapping[str, Any]
    shape: tuple[int, int]
    seconds: float | None


def bought(orders: Sequence[Order], retries: int, pause: float) -> Iterator[Answer]:
    """One answer after the other; each is on disk before the next job is sent.

    Parameters
    ----------
    retries, pause : see `patiently`

    Raises
    ------
    RunError
        If a server failed; KeyboardInterrupt says what was cancelled.
    """
    for k, order in enumerate(orders):
        entry = order.entry
        with entry.held():
            answer = entry.answer(order.shape)
            from_journal = answer is not None
            if answer is None:
                entry.plan(order.program, order.facts)
                answer = _Purchase(order, retries, pause, k / len(orders)).answer()
                entry.store(answer)
        yield Answer(answer.spins, {**answer.facts, "from_journal": from_journal})


def unanswered(orders: Sequence[Order]) -> list[Order]:
    """Those that have no answer on disk yet."""
    return [order for order in orders if order.entry.answer(order.shape) is None]


def refuse_beyond(
    limit: float | None,
    orders: Sequence[Order],
    *,
    what: str,
    counted: Callable[[Sequence[Order]], str],
    remedy: str,
) -> None:
    """Refuse what would cost more than allowed; answers that are on disk cost nothing.

    Parameters
    ----------
    limit : seconds; None for no limit
    what : is paid for, such as "QPU access time"
    counted : says how many orders there are, in the words of the backend
    remedy : what the user can do

    Raises
    ------
    InputError
        Naming the setting ``max_qpu_seconds``.
    """
    if limit is None:
        return
    left = unanswered(orders)
    expected = sum(order.seconds or 0.0 for order in left)
    if expected > limit:
        raise InputError(
            f"{counted(left)} are expected to take {expected:.3g} s of {what}, "
            f"more than max_qpu_seconds = {limit:g}; nothing was bought. {remedy}, or raise the limit",
            key=("max_qpu_seconds",),
        )


class _Purchase:
    """One order on its way from the journal to an answer.

    Parameters
    ----------
    order : planned
    retries, pause : see `patiently`
    done : fraction of the whole work that is behind, for progress
    """

    def __init__(self, order: Order, retries: int, pause: float, done: float):
        self._job = order.job
        self._entry = order.entry
        self._retries, self._pause = retries, pause
        self._done = done
        self._sent_here: float | None = None  # when, by the monotonic clock

    def answer(self) -> Answer:
        """Raises RunError, or KeyboardInterrupt that says what was cancelled."""
        try:
            return patiently(self._attempt, self._what, self._retries, self._pause, self._done)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(self._cancelled()) from None

    def _what(self) -> str:
        """What is waited for, for messages."""
        noun, job_id = self._job.noun, self._entry.state().get("job_id")
        return f"{noun} {job_id}" if job_id else f"the {noun} with label {self._entry.label}"

    def _attempt(self) -> Answer:
        """Ask for the answer in whatever way the journal allows; send the job if nobody knows it."""
        state = self._entry.state()
        job_id = state["job_id"]
        if job_id is None and state["status"] != "planned":
            job_id = self._found()
        try:
            if job_id is None:
                self._send()
            else:
                self._entry.note(status="sent", job_id=job_id)
                self._job.fetch(job_id)
            return self._received()
        except TokenRefused:
            raise
        except Failed:
            self._forget()
            raise
        except Refused as refused:
            if job_id is None:
                self._forget()
            elif isinstance(refused, Unknown):
                raise RunError(
                    f"{self._what()} is in the journal and the server does not know it: was it sent with "
                    "the token of another project? Use that one; or, if it is gone for good, remove "
                    f"{self._entry.file} to buy it again"
                ) from refused
            raise

    def _found(self) -> str | None:
        """Id of a job that was sent and whose id nobody noted; None if it never reached the server."""
        until = time.monotonic() + self._unsure_seconds()
        pause = _ASK_AGAIN / 8
        while (job_id := self._job.find(self._entry.label)) is None and time.monotonic() < until:
            left = until - time.monotonic()
            what = f"{self._job.server} does not list {self._what()} yet; sent again in {left:.0f} s"
            report_progress(self._done, what)
            time.sleep(max(0.0, min(pause, left)))
            pause = min(2 * pause, _ASK_AGAIN)
        return job_id

    def _unsure_seconds(self) -> float:
        """How long the server may still have a job that it does not list.

        A note of another process is dated by a clock that may be wrong, so one that looks recent counts as
        written just now.
        """
        if not self._job.outlives_process:
            return 0.0
        if self._sent_here is not None:
            return max(0.0, self._sent_here + UNLISTED_SECONDS - time.monotonic())
        recent = abs(self._entry.age()) < UNLISTED_SECONDS + CLOCK_SKEW_SECONDS
        return UNLISTED_SECONDS if recent else 0.0

    def _send(self) -> None:
        self._entry.note(status="sent", job_id=None)
        self._sent_here = time.monotonic()
        if (job_id := self._job.send(self._entry.label)) is not None:
            self._entry.note(job_id=job_id)

    def _forget(self) -> None:
        """The server will never answer this one: the next attempt sends it anew, under another label."""
        attempt = self._entry.state()["attempt"] + 1
        self._entry.note(status="planned", job_id=None, attempt=attempt)

    def _received(self) -> Answer:
        report_progress(self._done, f"waiting for {self._what()}")
        try:
            answer = self._job.answer()
        except Cancelled:
            what = self._what()
            self._forget()
            if self._sent_here is not None:
                raise RunError(f"{what} was cancelled at the server; --resume sends it again") from None
            raise Cancelled(f"Cancelled: {what} had been cancelled") from None
        return Answer(answer.spins, {**answer.facts, "label": self._entry.label})

    def _cancelled(self) -> str:
        """Ask the server to stop what runs, and say how that went."""
        noun, server, state = self._job.noun, self._job.server, self._entry.state()
        resume = (
            "run again (--resume) to go on; what was answered is in the journal and will not be bought again"
        )
        try:
            job_id = state.get("job_id")
            if job_id is None and state["status"] == "sent":
                job_id = self._job.find(self._entry.label)
            if job_id is None and state["status"] == "sent" and self._unsure_seconds():
                return (
                    f"{self._what()} was sent and is not listed by {server} yet: it may run and be charged; "
                    f"its answer will be picked up: {resume}"
                )
            if job_id is None:
                return f"no {noun} was running at {server}; {resume}"
            self._entry.note(job_id=job_id)
            stopped = self._job.cancel(job_id)
        except (Fault, QspinError, ValueError, KeyError) as error:
            cause = type(error.__cause__ or error).__name__
            return (
                f"the {noun} that was running could not be cancelled ({cause}) and may still be charged; its "
                f"answer will be picked up: {resume}"
            )
        if not stopped:
            return f"{noun} {job_id} could no longer be cancelled; its answer will be picked up: {resume}"
        return f"cancelled {noun} {job_id} at {server}; {resume}"
