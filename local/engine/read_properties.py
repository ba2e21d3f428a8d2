"""What of a template's properties, however deep, a handler looked at when it made the resource.

A handler gets a copy that notes what is read of it. What was neither read nor kept has had no effect: nobody knows it.
What was read may still be ignored afterwards; that is for the contract tests.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeVar

from local.engine.registry import UnsupportedPropertyError

T = TypeVar("T")
Path = tuple[str, ...]


class Noting(dict[str, Any]):
    """A dictionary that notes the paths of the keys that are asked for. Elements of a list share their path."""

    def __init__(self, entries: Mapping[str, Any], path: Path, read: set[Path]) -> None:
        super().__init__(entries)
        self._path = path
        self._read = read

    def _note(self, *keys: Any) -> None:
        self._read.update((*self._path, str(key)) for key in keys)

    def __getitem__(self, key: str) -> Any:
        self._note(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self._note(key)
        return super().__contains__(key)

    def __iter__(self) -> Iterator[str]:
        self._note(*super().keys())
        return super().__iter__()

    def get(self, key: str, default: Any = None) -> Any:
        self._note(key)
        return super().get(key, default)

    def pop(self, key: str, *default: Any) -> Any:
        self._note(key)
        return super().pop(key, *default)

    def setdefault(self, key: str, default: Any = None) -> Any:
        self._note(key)
        return super().setdefault(key, default)

    def keys(self) -> Any:
        self._note(*super().keys())
        return super().keys()

    def values(self) -> Any:
        self._note(*super().keys())
        return super().values()

    def items(self) -> Any:
        self._note(*super().keys())
        return super().items()

    def copy(self) -> Noting:
        return Noting(dict(super().items()), self._path, self._read)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return {key: _plain(value) for key, value in self.items()}


def unread_of(properties: Mapping[str, Any], use: Callable[[Noting], T]) -> tuple[T, set[str]]:
    """What `use` answers for a copy of the properties, and the dotted paths that it neither read nor kept.

    Of an unread object only its own path is told.
    """
    read: set[Path] = set()
    nodes: list[tuple[Path, weakref.ref[Noting], Mapping[str, Any]]] = []

    def noting(value: Any, path: Path) -> Any:
        if isinstance(value, Mapping):
            node = Noting({key: noting(item, (*path, str(key))) for key, item in value.items()}, path, read)
            nodes.append((path, weakref.ref(node), value))
            return node
        return [noting(item, path) for item in value] if isinstance(value, list) else value

    answer = use(noting(properties, ()))
    kept = {path for path, node, _ in nodes if node() is not None}
    paths = {(*path, str(key)) for path, _, value in nodes if path not in kept for key in value}
    unread = {path for path in paths if path not in read}
    return answer, {".".join(path) for path in unread if path[:-1] not in unread}


def refusing(name: str, handlers: Mapping[str, Any], ignored: Collection[str]) -> dict[str, Any]:
    """The handlers; what is made of properties that were not looked at is removed again, and they are named.

    `ignored` paths may be lost, and everything below them.
    """

    def create(logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
        answer, unread = unread_of(properties, lambda noting: handlers["create"](logical_id, noting, stack_name))
        lost = sorted(path for path in unread if not any(f"{path}.".startswith(f"{known}.") for known in ignored))
        if lost:
            extra = (logical_id,) if handlers.get("delete_with_logical_id") else ()
            handlers["delete"](answer[0], properties, *extra)
            raise UnsupportedPropertyError(f"{name}: the embedded AWS has no behaviour for {', '.join(lost)}")
        return answer

    return {**handlers, "create": create}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
