"""What operators and integration tests read."""

import pytest

from release import names
from tests.stages.templates import ENVIRONMENTS, Synthesis

KEYS = {
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
    # read by the release controller
    "ValidationReleaseVersion",
    "ProcessingReleaseVersion",
    "FraudReleaseVersion",
    "ValidationReleaseId",
    "ProcessingReleaseId",
    "FraudReleaseId",
    "ApiDeploymentId",
}


@pytest.mark.parametrize("suffix", [environment.suffix for environment in ENVIRONMENTS])
def test_every_promised_key_is_an_output_with_an_export(synthesis: Synthesis, suffix: str) -> None:
    outputs = synthesis.outputs(suffix)
    assert outputs.keys() >= KEYS
    assert {key: output["Export"]["Name"] for key, output in outputs.items()} == {
        key: names.export(suffix, key) for key in outputs
    }


def test_no_key_is_an_output_of_two_stacks(synthesis: Synthesis) -> None:
    for templates in synthesis.templates.values():
        keys = [key for template in templates.values() for key in template.get("Outputs", {})]
        assert len(keys) == len(set(keys))


def test_no_output_holds_a_secret(synthesis: Synthesis) -> None:
    for environment in ENVIRONMENTS:
        assert "resolve:secretsmanager" not in str(synthesis.outputs(environment.suffix))


def test_stacks_are_named_and_ordered_as_the_controller_knows_them(synthesis: Synthesis) -> None:
    for templates in synthesis.templates.values():
        assert tuple(templates) == names.LAYERS
