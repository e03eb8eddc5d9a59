"""YAML with line numbers: plain data, and the line that every key stands on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from qspin.errors import InputError

__all__ = ["YamlSource", "parse_value"]

Key = tuple[str | int, ...]


class _Loader(yaml.SafeLoader):
    """SafeLoader that reads 1e-3 as a number, as YAML 1.2 does."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:[0-9][0-9_]*)(?:\.[0-9_]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


class YamlSource:
    """A YAML file whose top level is a mapping.

    Attributes
    ----------
    path : the file
    data : its content as plain Python values

    Raises
    ------
    InputError
        If the file is missing, is not YAML, repeats a key or is not a mapping; the message names the line.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._lines: dict[Key, int] = {}
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise InputError(f"no config file at {self.path}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot read {self.path} as text: {error}") from error
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            self.data: Any = loader.construct_document(node) if node is not None else None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = f", line {mark.line + 1}" if mark else ""
            raise InputError(f"{self.path}{line}: not valid YAML: {error.problem}") from None
        except yaml.YAMLError as error:
            raise InputError(f"{self.path}: not valid YAML: {error}") from None
        finally:
            loader.dispose()
        if not isinstance(self.data, dict):
            came = "nothing" if self.data is None else f"a {type(self.data).__name__}"
            raise InputError(f"{self.path}: expected a mapping of keys at the top level; got {came}")
        assert node is not None  # it became a mapping
        self._walk(node, ())

    def locate(self, key: Key) -> str:
        """``file, line n`` of a key, or of the nearest one that contains it."""
        while key and key not in self._lines:
            key = key[:-1]
        return f"{self.path}, line {self._lines[key]}" if key else str(self.path)

    def _walk(self, node: yaml.Node, key: Key) -> None:
        if isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self._lines.setdefault((*key, index), item.start_mark.line + 1)
                self._walk(item, (*key, index))
        elif isinstance(node, yaml.MappingNode):
            # constructing has already merged "<<" into the node, merged keys first
            seen: dict[str, yaml.Mark] = {}
            for name_node, value in node.value:
                name = name_node.value
                if (
                    (mark := seen.get(name))
                    and mark.line != name_node.start_mark.line
                    and _inside(node, mark)
                ):
                    raise InputError(
                        f"{self.path}, line {name_node.start_mark.line + 1}: key {name!r} stands twice, "
                        f"first in line {mark.line + 1}"
                    )
                seen[name] = name_node.start_mark
                self._lines[(*key, name)] = name_node.start_mark.line + 1
                self._walk(value, (*key, name))


def _inside(node: yaml.Node, mark: yaml.Mark) -> bool:
    return node.start_mark.index <= mark.index <= node.end_mark.index


def parse_value(text: str) -> Any:
    """A value written on the command line, read as YAML.

    Examples
    --------
    >>> parse_value("[0.5, 1e-3]"), parse_value("zephyr"), parse_value("true")
    ([0.5, 0.001], 'zephyr', True)
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError:
        raise InputError(f"cannot read the value {text!r} as YAML; quote it for the shell") from None
