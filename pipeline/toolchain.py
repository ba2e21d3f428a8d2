"""The versions of the tools that the pipeline installs, read from the one place that pins them."""

import json
from functools import cache
from pathlib import Path
from typing import Final

PACKAGE_JSON: Final = Path(__file__).resolve().parents[1] / "package.json"
PYTHON: Final = "3.11"
# jsii counts Node 20 as end of life.
NODE: Final = "22"


@cache
def npm_version(package: str) -> str:
    """The exact version of an npm package in package.json. Raises `KeyError` when it is not there."""
    version: str = json.loads(PACKAGE_JSON.read_text())["devDependencies"][package]
    return version
