"""What is to be said of samples and results beside their numbers: a code for programs, a text for people.

Whoever reads remarks asks for their codes and levels; nobody looks for words in a text, which may change.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qspin.errors import InputError, shown

__all__ = ["UNSPECIFIED", "Level", "Remark", "by_level", "remarks_from", "remarks_of", "stored"]

UNSPECIFIED = "unspecified"
"""Code of a remark that was stored by an earlier version, which gave none."""

_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Level(enum.StrEnum):
    """How much a remark weighs; in this order remarks are told."""

    SERIOUS = "serious"
    """The numbers are not what they seem: unfinished, out of equilibrium, of another problem."""
    CAUTION = "caution"
    """What limits the use of the numbers: rough error bars, settings that left something out."""
    NOTE = "note"
    """No fault: what cannot be tested by the nature of a sampler, or a fact worth knowing."""


@dataclass(frozen=True)
class Remark:
    """One thing to know.

    Parameters
    ----------
    code : kebab-case; what programs ask for. The same kind of remark has the same code everywhere
    text : one sentence for people, without a full stop
    level : how much it weighs

    Raises
    ------
    InputError
        If the code is none, the text is empty or the level unknown.

    Examples
    --------
    >>> Remark("few-draws", "two draws a replica are too few to tell").plain()
    {'code': 'few-draws', 'text': 'two draws a replica are too few to tell', 'level': 'caution'}
    """

    code: str
    text: str
    level: Level = Level.CAUTION

    def __post_init__(self) -> None:
        if not isinstance(self.code, str) or not _CODE.fullmatch(self.code):
            raise InputError(
                "the code of a remark is lower-case words joined by hyphens, such as few-draws; got "
                f"{shown(self.code)}"
            )
        if not isinstance(self.text, str) or not self.text.strip():
            raise InputError(f"the text of remark {self.code!r} is a sentence; got {shown(self.text)}")
        try:
            object.__setattr__(self, "level", Level(self.level))
        except ValueError:
            raise InputError(
                f"the level of remark {self.code!r} is one of {', '.join(Level)}; got {shown(self.level)}"
            ) from None

    def plain(self) -> dict[str, str]:
        """As JSON values."""
        return {"code": self.code, "text": self.text, "level": self.level.value}

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Remark:
        """From what `plain` gave. Raises InputError for anything else."""
        if not isinstance(plain, Mapping) or set(plain) != {"code", "text", "level"}:
            raise InputError(f"a stored remark is a mapping of code, text and level; got {shown(plain)}")
        return cls(plain["code"], plain["text"], plain["level"])


def remarks_from(stored: Any) -> list[Remark]:
    """Remarks from a list of plain ones. Raises InputError for anything else."""
    if not isinstance(stored, list):
        raise InputError(f"remarks are a list; got {shown(stored)}")
    return [Remark.of(plain) for plain in stored]


def stored(remarks: Iterable[Remark]) -> str:
    """Remarks as JSON text, as the attribute ``remarks`` of a result holds them."""
    return json.dumps([remark.plain() for remark in remarks])


def remarks_of(attrs: Mapping[Any, Any]) -> list[Remark]:
    """Remarks among the attributes of a result, as `stored` there; none where there are none."""
    return remarks_from(json.loads(attrs.get("remarks", "[]")))


def by_level(remarks: Iterable[Remark]) -> Sequence[Remark]:
    """The same remarks, the most serious first; those of one level keep their order."""
    order = list(Level)
    return sorted(remarks, key=lambda remark: order.index(remark.level))
