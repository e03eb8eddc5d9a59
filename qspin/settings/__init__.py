"""Settings of a backend: frozen, and refused by name when they are given, not when they hurt."""

from pydantic import PositiveFloat, PositiveInt

from qspin.settings.files import FileSetting, GivenFile, files_at, files_in, located, paths_from
from qspin.settings.frozen import (
    Incidental,
    deciding_settings,
    explain,
    given_settings,
    setting_names,
    settings,
    settings_of,
)
from qspin.settings.ladders import AutoLadder, Ladder
from qspin.settings.seeds import Seed, checked_seed, resolved_seed
from qspin.settings.values import ImportPath, PlainValues, imported

__all__ = [
    "AutoLadder",
    "FileSetting",
    "GivenFile",
    "ImportPath",
    "Incidental",
    "Ladder",
    "PlainValues",
    "PositiveFloat",
    "PositiveInt",
    "Seed",
    "checked_seed",
    "deciding_settings",
    "explain",
    "files_at",
    "files_in",
    "given_settings",
    "imported",
    "located",
    "paths_from",
    "resolved_seed",
    "setting_names",
    "settings",
    "settings_of",
]
