"""YAML with line numbers: plain data, and the line that every key stands on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from qspin.errors import InputError

__all__ = ["YamlSource", "parse_value"]

Key = tuple[str | int, ...]

_MERGE = "tag:yaml.org,2002:merge"


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
            if node is not None:
                _refuse_repeated_keys(loader, node, f"{self.path}, line ")
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
            for name_node, value in node.value:
                name = name_node.value
                self._lines[(*key, name)] = name_node.start_mark.line + 1
                self._walk(value, (*key, name))


def _refuse_repeated_keys(loader: _Loader, root: yaml.Node, where: str) -> None:
    """Refuse mappings in which a key stands twice, of which YAML would keep one; also keys that are equal as
    text or as values, such as 1 and "1", or yes and true.

    To be called before construction, which puts merged keys ("<<") beside those that override them.

    Parameters
    ----------
    where : what stands before the number of a line
    """
    pending, known = [root], {id(root)}
    while pending:
        node = pending.pop()
        children = list(node.value) if isinstance(node, yaml.SequenceNode) else []
        if isinstance(node, yaml.MappingNode):
            seen: dict[Any, yaml.Mark] = {}
            for name, value in node.value:
                children += [name, value]
                if isinstance(name, yaml.ScalarNode) and name.tag != _MERGE:
                    forms = {name.value, loader.construct_object(name)}
                    if twice := [seen[form] for form in forms if form in seen]:
                        raise InputError(
                            f"{where}{name.start_mark.line + 1}: key {name.value!r} stands twice, first in "
                            f"line {twice[0].line + 1}"
                        )
                    seen |= dict.fromkeys(forms, name.start_mark)
        for child in children:
            if id(child) not in known:  # anchors share nodes, and may contain themselves
                known.add(id(child))
                pending.append(child)


def parse_value(text: str) -> Any:
    """A value written on the command line, read as YAML.

    Examples
    --------
    >>> parse_value("[0.5, 1e-3]"), parse_value("zephyr"), parse_value("true")
    ([0.5, 0.001], 'zephyr', True)
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _refuse_repeated_keys(loader, node, f"the value {text!r}, line ")
        return loader.construct_document(node)
    except yaml.YAMLError:
        raise InputError(f"cannot read the value {text!r} as YAML; quote it for the shell") from None
    finally:
        loader.dispose()
