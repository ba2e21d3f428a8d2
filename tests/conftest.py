"""Which tests share a worker: those of one folder that synthesize, since each worker synthesizes for itself."""

from __future__ import annotations

from pathlib import Path

import pytest

SYNTHESIZING = ("stages", "pipeline")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        folder = item.path.relative_to(here).parts[0]
        if folder in SYNTHESIZING:
            item.add_marker(pytest.mark.xdist_group(folder))
