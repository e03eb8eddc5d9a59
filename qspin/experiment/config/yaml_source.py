"""YAML with line numbers: plain data, and the line that every key stands on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import ComposerError

from qspin.archives import file_content, ordinary_size
from qspin.errors import InputError

__all__ = ["YamlSource", "parse_value"]

Key = tuple[str | int, ...]

_MERGE = "tag:yaml.org,2002:merge"
_MOST_BYTES = 2**22  # PyYAML takes a second for some hundred thousand
_MOST_VALUES = 100_000  # that aliases may stand for
_MOST_LEVELS = 50


class _Loader(yaml.SafeLoader):
    """SafeLoader that reads 1e-3 as a number, as YAML 1.2 does, and stops where nesting is too deep."""

    _level = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._level += 1
        if self._level > _MOST_LEVELS:
            mark = self.peek_event().start_mark
            raise ComposerError(
                None, None, f"nested too deeply; expected at most {_MOST_LEVELS} levels", mark
            )
        try:
            return super().compose_node(parent, index)
        finally:
            self._level -= 1


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:[0-9][0-9_]*)(?:\.[0-9_]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


class _Malformed(InputError):
    """No YAML at all."""


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
        node, self.data = _parsed(_text(self.path), str(self.path))
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


def _text(path: Path) -> str:
    if not path.exists():
        raise InputError(f"no config file at {path}")
    if (size := ordinary_size(path)) > _MOST_BYTES:
        raise InputError(f"{path} has {size} bytes; expected a config of at most {_MOST_BYTES}")
    try:
        return file_content(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"cannot read {path} as text: {error}") from error


def _parsed(text: str, where: str) -> tuple[yaml.Node | None, Any]:
    """The nodes of a YAML text, and what they stand for; `where` begins every message."""
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is not None:
                _require_bounded(node, where)
                _refuse_repeated_keys(loader, node, where)
            return node, loader.construct_document(node) if node is not None else None
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise _Malformed(f"{where}{line}: not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise _Malformed(f"{where}: not valid YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise InputError(f"{where}: nested too deeply; expected at most {_MOST_LEVELS} levels") from None
    # what PyYAML raises on tags that do not fit their values, such as !!int x or a date in month 13
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{where}: a value cannot be read: {' '.join(str(error).split())[:200]}") from None


def _require_bounded(root: yaml.Node, where: str) -> None:
    """Refuse aliases that multiply to more than could be meant, circles of them, and deep nesting."""
    sizes: dict[int, tuple[int, int]] = {}  # of each node, aliases spelled out: values and levels

    def measured(node: yaml.Node, above: frozenset[int]) -> tuple[int, int]:
        if id(node) in sizes:
            return sizes[id(node)]
        line = f"{where}, line {node.start_mark.line + 1}"
        if id(node) in above:
            raise InputError(f"{line}: an anchor stands for something that contains itself")
        if len(above) > _MOST_LEVELS:
            raise InputError(f"{line}: nested too deeply; expected at most {_MOST_LEVELS} levels")
        inside = above | {id(node)}
        children = [] if isinstance(node, yaml.ScalarNode) else node.value
        if isinstance(node, yaml.MappingNode):
            children = [part for pair in node.value for part in pair]
        parts = [measured(child, inside) for child in children]
        values, levels = 1 + sum(n for n, _ in parts), 1 + max((depth for _, depth in parts), default=0)
        if levels > _MOST_LEVELS:
            raise InputError(f"{line}: nested too deeply; expected at most {_MOST_LEVELS} levels")
        sizes[id(node)] = values, levels
        return values, levels

    values, _ = measured(root, frozenset())
    if values > max(len(sizes), _MOST_VALUES):
        raise InputError(
            f"{where}: its aliases stand for more than {_MOST_VALUES} values; write the config without them"
        )


def _refuse_repeated_keys(loader: _Loader, root: yaml.Node, where: str) -> None:
    """Refuse mappings in which a key stands twice, of which YAML would keep one; also keys that are equal as
    text or as values, such as 1 and "1", or yes and true.

    To be called before construction, which puts merged keys ("<<") beside those that override them.

    Parameters
    ----------
    where : what begins every message
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
                        line = name.start_mark.line + 1
                        raise InputError(
                            f"{where}, line {line}: key {name.value!r} stands twice, first in line "
                            f"{twice[0].line + 1}"
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
    try:
        return _parsed(text, f"the value {_short(text)!r}")[1]
    except _Malformed:
        raise InputError(f"cannot read the value {_short(text)!r} as YAML; quote it for the shell") from None


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
