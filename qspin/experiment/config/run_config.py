"""The config of a run: read, overridden from the command line, validated, resolved."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import pydantic
from pydantic import Field, NonNegativeInt, PrivateAttr, field_validator

from qspin import registry
from qspin.engine.keys import digest
from qspin.errors import InputError, QspinError, named, nearest_name, shown
from qspin.experiment.config.axes import SweepAxis, axes_of
from qspin.experiment.config.execution import Execution, by_engine
from qspin.experiment.config.lines import Line, agreed, lines_of, refuse_clashes, require_spec
from qspin.experiment.config.looked_at import left_out_of, refuse_absent
from qspin.experiment.config.mistaken import (
    refuse_earlier_schema,
    refuse_other_config,
    refuse_stray_overrides,
)
from qspin.experiment.config.models import Label, StrictModel, explain_unknown, refuse_alike
from qspin.experiment.config.overrides import apply_override
from qspin.experiment.config.studies import Chosen, studies_of
from qspin.experiment.config.yaml_source import Key, YamlSource
from qspin.sampler import samples_version
from qspin.settings import deciding_settings, setting_names
from qspin.study import Asked, BackendLine, Plan, ProblemLine

__all__ = ["RunConfig", "config_from_plain", "keys_of", "load_config", "override"]


class RunConfig(StrictModel):
    """Everything that fixes a run: problems, backends, the axes of their sweep, and the studies to make."""

    version: Literal[2] = Field(alias="schema", description="of this format")
    name: Label = Field(description="of the run folder")
    seed: NonNegativeInt = Field(0, description="of sampling; instances and trainings have their own")
    problems: dict[Label, dict[str, Any]] = Field(min_length=1, description="label -> kind and its settings")
    backends: dict[Label, dict[str, Any]] = Field(min_length=1, description="label -> name and its settings")
    sweep: dict[str, Any] = Field(
        default_factory=dict, description="axes: a key, or a name with keys -> values"
    )
    studies: dict[Label, dict[str, Any] | None] | None = Field(
        None, description="name -> settings, or label -> name and settings; default: the standard ones"
    )
    execution: Execution = Field(default_factory=Execution)

    _folder: Path = PrivateAttr(default_factory=Path)
    _place: Callable[[Key], str] | None = None

    @field_validator("problems", "backends", "studies")
    @classmethod
    def _names_of_files(cls, specs: dict[str, Any] | None) -> dict[str, Any] | None:
        refuse_alike(specs or ())
        return specs

    def check(self) -> None:
        """Raises InputError for whatever could not run: a kind, a setting, an axis, a study."""
        refuse_clashes(self.problem_lines, self.backend_lines)
        refuse_absent(self.problem_lines, self.backend_lines)
        _ = self.plans
        self.execution.executor()

    def located(self, error: InputError) -> InputError:
        """A fault that was found later, with its line or option where this was read from a file."""
        if self._place is None or not error.key:
            return error
        return error.within(self._place(error.key), error.key)

    @property
    def store(self) -> Path | None:
        """Folder of the objects; None where they lie in the run folder."""
        own = self.execution.store
        return None if own is None else Path(os.path.abspath(self._folder / own))

    @cached_property
    def problem_lines(self) -> dict[str, Line]:
        """What each problem makes, with its axes."""
        return self._lines[0]

    @cached_property
    def backend_lines(self) -> dict[str, Line]:
        """What each backend makes, with its axes."""
        return self._lines[1]

    @cached_property
    def _lines(self) -> list[dict[str, Line]]:
        rooms = {"problems": self.problems, "backends": self.backends}
        return agreed(*(lines_of(room, own, self._sweep, self._folder) for room, own in rooms.items()))

    @cached_property
    def _sweep(self) -> list[SweepAxis]:
        return axes_of(self.sweep, {"problems": list(self.problems), "backends": list(self.backends)})

    @cached_property
    def asked(self) -> Asked:
        """What studies see of this config."""
        problems = {k: ProblemLine(k, v.name, v.made(), v.shown_axes) for k, v in self.problem_lines.items()}
        backends = {k: BackendLine(k, v.name, v.made(), v.shown_axes) for k, v in self.backend_lines.items()}
        return Asked(problems, backends, self.seed)

    @cached_property
    def _chosen(self) -> dict[str, Chosen]:
        return studies_of(self.studies)

    @cached_property
    def plans(self) -> dict[str, tuple[Chosen, Plan]]:
        """Label -> a study and what it wants; standard ones that want nothing or cannot be met are not there.

        Raises
        ------
        InputError
            For an unknown study or setting, or one whose needs no backend meets.
        """
        planned = {}
        for label, chosen in self._chosen.items():
            try:
                plan = chosen.study.plan(self.asked)
            except InputError as error:
                if type(error) is not InputError or error.key[:1] == ("problems",):
                    raise
                if self.studies is None:  # nobody asked for it
                    continue
                raise InputError(f"studies.{label}: {error}", key=("studies", label, *error.key)) from None
            except QspinError:
                raise
            except Exception as error:  # of a third party
                fault = f"study {chosen.name!r} cannot plan: {named(error)}"
                raise InputError(f"studies.{label}: {fault}", key=("studies", label)) from error
            if not isinstance(plan, Plan):
                fault = f"study {chosen.name!r} planned a {type(plan).__name__}; expected a qspin.study.Plan"
                raise InputError(f"studies.{label}: {fault}", key=("studies", label))
            if plan.wanted or self.studies is not None:
                planned[label] = (chosen, plan)
        return planned

    @cached_property
    def left_out(self) -> frozenset[tuple[str, str]]:
        """(problem, backend) that nobody looks at and are not sampled: the backend is there to train."""
        wanted = [one for _, plan in self.plans.values() for one in plan.wanted]
        return left_out_of(self.problem_lines, self.backend_lines, wanted)

    def resolved(self) -> dict[str, Any]:
        """The config as plain values with every default spelled out."""
        plain = self.model_dump(mode="json", by_alias=True, exclude={"problems", "backends", "studies"})
        plain["problems"] = {label: line.resolved() for label, line in self.problem_lines.items()}
        plain["backends"] = {label: line.resolved() for label, line in self.backend_lines.items()}
        plain["sweep"] = self._spelled_sweep()
        plain["execution"] |= {} if self.store is None else {"store": str(self.store)}
        plain["studies"] = {label: chosen.spelled(label) for label, (chosen, _) in self.plans.items()}
        order = ("schema", "name", "seed", "problems", "backends", "sweep", "studies", "execution")
        return {key: plain[key] for key in order}

    def _spelled_sweep(self) -> dict[str, Any]:
        """The sweep, whose files are spelt out as those of settings are."""
        lines = {"problems": self.problem_lines, "backends": self.backend_lines}
        plain = dict(self.sweep)
        for axis in self._sweep:
            for key, values in axis.keys.items():
                spelled = lines[str(key[0])][str(key[1])].spelled(axis, key)
                if spelled == list(values):
                    continue
                path = ".".join(map(str, key))
                if path in plain:
                    plain[path] = spelled
                else:
                    plain[axis.name] = {**plain[axis.name], path: spelled}
        return plain

    def identity(self) -> dict[str, Any]:
        """What decides on the results, as plain values: no threads, budgets, executors or paths."""
        return {
            "name": self.name,
            "seed": self.seed,
            "order": [list(self.problem_lines), list(self.backend_lines)],  # the first may be the reference
            "problems": {k: _problem_identity(line) for k, line in self.problem_lines.items()},
            "backends": {
                k: backend_identity(line.name, line.made(), line.settings_at({})) | {"axes": _axes_of(line)}
                for k, line in self.backend_lines.items()
            },
            "studies": {k: [c.study.version, c.spelled(k)] for k, (c, _) in self.plans.items()},
        }

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what decides on the results, hex."""
        return digest("run", self.identity())


def backend_identity(name: str, sampler: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """What decides on samples: name, version, and the settings that decide; of a class that declares none,
    all that were given."""
    declared = bool(setting_names(type(sampler)))
    decides = deciding_settings(sampler) if declared else dict(given)
    return {"name": name, "samples_version": samples_version(sampler), "settings": decides}


def _problem_identity(line: Line) -> dict[str, Any]:
    source = line.made()
    return {
        "kind": line.name,
        "version": source.version,
        "settings": source.identity(),
        "axes": _axes_of(line),
    }


def _axes_of(line: Line) -> list[Any]:
    mine = (line.room, line.label)
    return [
        [axis.name, [[list(key[2:]), line.deciding(axis, key)] for key in axis.keys if key[:2] == mine]]
        for axis in line.axes
    ]


def load_config(
    path: str | Path,
    *,
    backends: Sequence[str] = (),
    overrides: Sequence[str] = (),
    studies: Sequence[str] = (),
    engine: str | None = None,
) -> RunConfig:
    """Read and validate a config file.

    Parameters
    ----------
    path : YAML file
    backends : replace the backends of the file: labels of the file (kept with their settings), names of
        registered backends (with default settings), or YAML files that hold one backend spec
    overrides : ``a.b=value``, applied after `backends`, the value read as YAML
    studies : names of studies that are made, whatever the file asks for; of those that it names, with their
        settings
    engine : name of the executor in the place of that in the file, whose settings it takes over where it
        has them

    Raises
    ------
    InputError
        For anything that could not run; the message names the line, or the option, and the remedy.
    """
    source = YamlSource(path)
    refuse_other_config(source)
    data = source.data
    if backends:
        data["backends"] = _chosen_backends(backends, data.get("backends"))
    changed = override(data, overrides, engine)
    if studies:
        data["studies"] = _chosen_studies(studies, data.get("studies"))
    place = partial(_locate, source=source, backends=backends, overridden=changed, engine=engine)
    try:
        config = _validated(data, source.path.parent)
    except InputError as error:
        raise error.within(place(error.key), error.key) from None
    config._place = place
    return config


def override(data: dict[str, Any], overrides: Sequence[str], engine: str | None = None) -> list[Key]:
    """Change a config, as plain values, by what the command line says; see `load_config`.

    Returns
    -------
    the keys that were set

    Raises
    ------
    InputError
        For an override that is none, or that names what is not there.
    """
    changed = [apply_override(data, text) for text in overrides]
    refuse_stray_overrides(data, changed, keys_of(RunConfig))
    if engine is not None:
        given = {str(key[1]) for key in changed if key[0] == "execution" and len(key) > 1}
        data["execution"] = by_engine(data.get("execution"), engine, given)
    return changed


def keys_of(model: type[pydantic.BaseModel]) -> set[str]:
    """Keys of a config, as files write them."""
    return {field.alias or name for name, field in model.model_fields.items()}


def config_from_plain(data: Mapping[str, Any]) -> RunConfig:
    """A config from plain values, as `RunConfig.resolved` gives them."""
    return _validated(dict(data), Path())


def _validated(data: dict[str, Any], folder: Path) -> RunConfig:
    refuse_earlier_schema(data)
    for room in ("problems", "backends", "sweep"):
        mapping_of(data, room)
    for room in ("problems", "backends"):
        for label, spec in mapping_of(data, room).items():
            require_spec(room, label, spec)
    _require_studies(data.get("studies"))
    try:
        config = RunConfig.model_validate(data)
    except pydantic.ValidationError as error:
        raise explain_unknown(error) from None
    config._folder = folder.resolve()
    config.check()
    return config


def _require_studies(studies: Any) -> None:
    if studies is not None and not isinstance(studies, dict):
        raise InputError(
            f"studies must be a mapping from names to settings; got {shown(studies)}", key=("studies",)
        )
    for label, settings in (studies or {}).items():
        if settings is not None and not isinstance(settings, dict):
            raise InputError(
                f"study {label!r} must have a mapping of settings, or nothing; got {shown(settings)}",
                key=("studies", label),
            )


def mapping_of(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    """What stands under a key. Raises InputError if it is no mapping."""
    value = data.get(key, {})
    if not isinstance(value, dict):
        raise InputError(f"{key} must be a mapping from labels to specs; got {shown(value)}", key=(key,))
    return value


def _chosen_studies(names: Sequence[str], present: Any) -> dict[str, Any]:
    present = present if isinstance(present, Mapping) else {}
    called = {k: v.get("name", k) if isinstance(v, Mapping) else k for k, v in present.items()}
    return {
        label: spec
        for name in names
        for label, spec in ({k: v for k, v in present.items() if called[k] == name} or {name: None}).items()
    }


def _chosen_backends(choices: Sequence[str], present: Any) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    called: dict[str, str] = {}
    for choice in choices:
        label, spec = _chosen_backend(choice, present)
        if label in chosen:
            raise InputError(
                f"--backend {called[label]} and --backend {choice} are both called {label!r}; leave one out, "
                "or rename its file"
            )
        chosen[label], called[label] = spec, choice
    return chosen


def _chosen_backend(choice: str, present: Any) -> tuple[str, Any]:
    if isinstance(present, dict) and choice in present:
        return choice, present[choice]
    if choice.endswith((".yaml", ".yml")):
        return Path(choice).stem, YamlSource(choice).data
    names = registry.names(registry.BACKEND)
    if choice not in names:
        raise InputError(
            f"--backend {choice}: neither a registered backend nor a YAML file: {nearest_name(choice, names)}"
        )
    return choice, {"name": choice}


def _locate(
    key: Key, source: YamlSource, backends: Sequence[str], overridden: list[Key], engine: str | None
) -> str:
    """The line, or the option, that a key of the config comes from."""
    if engine is not None and key == ("execution", "engine"):
        return "--executor"
    for changed in overridden:
        if key[: len(changed)] == changed:
            return f"--set {'.'.join(map(str, changed))}"
    if backends and key[:1] == ("backends",):
        return f"--backend {key[1]}" if len(key) > 1 else "--backend"
    return source.locate(key)
