"""One HTTP exchange as a load balancer sees it: header order, repetition and percent-encoding kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

HeaderList = Sequence[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class HttpRequest:
    """`path` and `query` are as sent (percent-encoded, query without `?`); header names are lower case."""

    method: str
    path: str
    query: str
    headers: HeaderList
    body: bytes
    client_ip: str

    def header(self, name: str) -> str | None:
        """The last value of a header, as load balancers take it."""
        return last(self.headers, name)

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def parameters(self) -> list[tuple[str, str]]:
        """The query's keys and values in order, not decoded."""
        pairs = (part.partition("=") for part in self.query.split("&") if part)
        return [(key, value) for key, _, value in pairs]


@dataclass(frozen=True, kw_only=True)
class HttpResponse:
    status: int
    headers: HeaderList
    body: bytes

    def header(self, name: str) -> str | None:
        return last([(key.lower(), value) for key, value in self.headers], name)


def last(headers: Iterable[tuple[str, str]], name: str) -> str | None:
    found = None
    for key, value in headers:
        if key == name:
            found = value
    return found


def replaced(headers: HeaderList, changes: Mapping[str, str | None]) -> list[tuple[str, str]]:
    """`headers` with every name in `changes` set to its one value, or gone when that is None."""
    kept = [(key, value) for key, value in headers if key not in changes]
    return kept + [(key, value) for key, value in changes.items() if value is not None]
