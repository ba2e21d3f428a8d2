"""One flat file with what the stacks put out, for integration tests and people."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from release.errors import ReleaseError
from release.model import StackView

FILE_NAME: Final = "flat-outputs.json"
REQUIRED: Final = (
    "VpcId",
    "ApiId",
    "ApiUrl",
    "PreviewBlueUrl",
    "PreviewGreenUrl",
    "LoadBalancerArn",
    "LoadBalancerDnsName",
    "ListenerArn",
    "TransactionsTableName",
    "AuditBucketName",
    "DatabaseClusterIdentifier",
    "DatabaseClusterEndpoint",
    "DatabaseReaderEndpoint",
    "DatabaseSecretArn",
    "PaymentValidationFunctionName",
    "FraudDetectionFunctionName",
    "TransactionProcessingFunctionName",
    "AlertsTopicArn",
    "DashboardName",
    "EnvironmentSuffix",
)
# What CDK adds by itself when one stack uses another's resource.
_AUTOMATIC: Final = "ExportsOutput"


def flat_outputs(suffix: str, stacks: Iterable[StackView]) -> dict[str, str]:
    """All named outputs of the environment, sorted. Raises `ReleaseError` when a promised one is missing
    or two stacks disagree about one."""
    flat = {"EnvironmentSuffix": suffix}
    for view in stacks:
        for key, value in view.outputs.items():
            if key.startswith(_AUTOMATIC):
                continue
            if flat.setdefault(key, value) != value:
                raise ReleaseError(f"output {key} has two values: {flat[key]} and, in {view.name}, {value}")
    if missing := [key for key in REQUIRED if key not in flat]:
        raise ReleaseError(f"the stacks of {suffix} lack the outputs {', '.join(missing)}")
    return dict(sorted(flat.items()))


def write(flat: dict[str, str], directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / FILE_NAME
    path.write_text(json.dumps(flat, indent=2) + "\n")
    return path
