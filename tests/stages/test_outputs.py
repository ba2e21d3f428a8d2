"""What operators and integration tests read."""

import aws_cdk as cdk
import pytest

from release import names
from stages.environments import DEV
from stages.payment_stage import PaymentStage
from tests.stages.templates import ENVIRONMENTS, Synthesis, layer_templates, new_app

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


def test_an_environment_is_the_same_by_hand_and_in_the_pipeline() -> None:
    """Neither versions nor deployments may depend on where the stage stands in the tree of constructs."""
    app = new_app()
    by_hand = PaymentStage(app, "Environment", environment=DEV)
    in_pipeline = PaymentStage(cdk.Stack(app, "Pipeline"), "Dev", environment=DEV)
    assembly = app.synth()
    assert layer_templates(assembly, by_hand) == layer_templates(assembly, in_pipeline)
