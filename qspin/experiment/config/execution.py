"""Who does the tasks of a run, and where what they give is kept: nothing of it decides on results."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any

import pydantic
from pydantic import ConfigDict, Field

from qspin import registry
from qspin.errors import InputError, QspinError
from qspin.executor import Executor
from qspin.settings import setting_names

__all__ = ["Execution", "by_engine"]

_ENGINE = "QSPIN_EXECUTOR"


class Execution(pydantic.BaseModel):
    """The executor, its settings beside it, and the store.

    Parameters
    ----------
    engine : name of an executor; default that in the environment variable QSPIN_EXECUTOR, else ``auto``
    store : folder of objects that runs share, by the folder of the config; default the run folder
    """

    model_config = ConfigDict(frozen=True, extra="allow")
    engine: str = Field(default_factory=lambda: os.environ.get(_ENGINE) or "auto")
    store: str | None = Field(None, min_length=1)

    def executor(self) -> Executor:
        """Raises InputError for an unknown executor or setting."""
        try:
            return registry.made(registry.EXECUTOR, self.engine, dict(self.model_extra or {}))
        except InputError as error:
            key = error.key if error.key != ("name",) else ("engine",)
            where, hint = "execution", ""
            if "engine" not in self.model_fields_set:
                where += f", by {_ENGINE}" if os.environ.get(_ENGINE) else ""
                hint = ". Settings are those of the executor that execution.engine names" if key else ""
            raise InputError(f"{where}: {error}{hint}", key=("execution", *key)) from None


def by_engine(execution: Any, engine: str, given: Collection[str] = ()) -> dict[str, Any]:
    """What a config says of its execution, with another executor, which takes over the settings that it has.

    Parameters
    ----------
    given : settings that were named for it, which it has to have
    """
    if not isinstance(execution, dict):
        return {"engine": engine}
    try:
        has = setting_names(registry.class_of(registry.EXECUTOR, engine))
    except QspinError:  # who makes it tells
        has = list(execution)
    kept = {"store", *has, *given}
    return {key: value for key, value in execution.items() if key in kept} | {"engine": engine}
