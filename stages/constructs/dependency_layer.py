"""The functions' third-party packages."""

import hashlib
from pathlib import Path

from aws_cdk import RemovalPolicy
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from release import names
from stages.constructs.payment_function import ARCHITECTURE, RUNTIME, SOURCES

LAYER = SOURCES.parent / "build" / "layer"
LOCK = SOURCES / "requirements.txt"


class LayerNotBuilt(FileNotFoundError):
    """The packages of the present lock are not there."""


class DependencyLayer(lambda_.LayerVersion):
    """The locked packages, built by `make setup`. Raises `LayerNotBuilt`.

    The asset's hash is the lock's: building the same lock again gives the same release.
    """

    def __init__(self, scope: Construct, construct_id: str, *, suffix: str) -> None:
        super().__init__(
            scope,
            construct_id,
            layer_version_name=names.resource(suffix, "dependencies"),
            description="Third-party packages of the functions",
            code=lambda_.Code.from_asset(
                str(_built_layer()), asset_hash=hashlib.sha256(LOCK.read_bytes()).hexdigest(), exclude=[".lock*"]
            ),
            compatible_runtimes=[RUNTIME],
            compatible_architectures=[ARCHITECTURE],
            # Versions that are still live keep a deleted layer: Lambda guarantees it.
            removal_policy=RemovalPolicy.DESTROY,
        )


def _built_layer() -> Path:
    built_from = LAYER / "requirements.txt"
    if not (LAYER / "python").is_dir() or not built_from.is_file() or built_from.read_bytes() != LOCK.read_bytes():
        raise LayerNotBuilt(f"{LAYER} is not built from {LOCK.name}: run 'make setup' first")
    return LAYER
