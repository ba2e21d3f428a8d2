"""The engine modules, in the order in which they register. Each has `register(registry)`."""

from __future__ import annotations

MODULES: tuple[str, ...] = ()
