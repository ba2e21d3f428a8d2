"""The functions: in the VPC, with concurrency of their own, released by colour."""

from typing import TYPE_CHECKING

import boto3
import pytest

from integ_tests.environment import Deployed
from integ_tests.rules import WeightedRule, group_name
from release import names
from release.names import Colour

if TYPE_CHECKING:
    from mypy_boto3_elbv2.type_defs import RuleTypeDef

ALL_FUNCTIONS = (*names.FUNCTIONS, *names.UNCOLOURED_FUNCTIONS)
OUTPUTS = {
    "validation": "PaymentValidationFunctionName",
    "processing": "TransactionProcessingFunctionName",
    "fraud": "FraudDetectionFunctionName",
}
# A function gets where to look, never what is there; the processor is what its version was released with.
SETTINGS = {
    "ADMIN_SECRET_ARN",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "ENVIRONMENT_SUFFIX",
    "LOG_LEVEL",
    "PARAMETER_PREFIX",
    "PROCESSOR",
    "SECRET_ARN",
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_the_outputs_name_the_functions(deployed: Deployed, name: str) -> None:
    assert deployed[OUTPUTS[name]] == names.function(deployed.suffix, name)


@pytest.mark.parametrize("name", ALL_FUNCTIONS)
def test_functions_run_in_private_subnets_of_the_vpc(session: boto3.Session, deployed: Deployed, name: str) -> None:
    function = session.client("lambda").get_function_configuration(FunctionName=names.function(deployed.suffix, name))
    vpc = function["VpcConfig"]
    assert len(vpc["SecurityGroupIds"]) == 1
    described = session.client("ec2").describe_subnets(SubnetIds=vpc["SubnetIds"])["Subnets"]
    assert {subnet["VpcId"] for subnet in described} == {deployed["VpcId"]}
    assert len({subnet["AvailabilityZone"] for subnet in described}) == 3


@pytest.mark.parametrize("name", ALL_FUNCTIONS)
def test_functions_have_concurrency_reserved(session: boto3.Session, deployed: Deployed, name: str) -> None:
    answer = session.client("lambda").get_function_concurrency(FunctionName=names.function(deployed.suffix, name))
    assert answer["ReservedConcurrentExecutions"] >= 1


@pytest.mark.parametrize("name", ALL_FUNCTIONS)
def test_functions_are_configured_by_parameter_store(session: boto3.Session, deployed: Deployed, name: str) -> None:
    function = session.client("lambda").get_function_configuration(FunctionName=names.function(deployed.suffix, name))
    variables = function["Environment"]["Variables"]
    assert variables["PARAMETER_PREFIX"] == names.config_prefix(deployed.suffix)
    assert {key for key in variables if not key.startswith("POWERTOOLS_")} <= SETTINGS


@pytest.mark.parametrize("name", names.FUNCTIONS)
def test_both_colours_hold_a_published_version(session: boto3.Session, deployed: Deployed, name: str) -> None:
    client = session.client("lambda")
    for colour in Colour:
        alias = client.get_alias(FunctionName=names.function(deployed.suffix, name), Name=colour.value)
        assert alias["FunctionVersion"].isdigit()
        assert not alias.get("RoutingConfig", {}).get("AdditionalVersionWeights")


@pytest.mark.parametrize("name", names.FUNCTIONS)
def test_the_idle_colour_holds_what_was_deployed(
    session: boto3.Session, deployed: Deployed, idle_colour: Colour, name: str
) -> None:
    """Unless the same release is live: then neither colour was touched."""
    client, function = session.client("lambda"), names.function(deployed.suffix, name)
    held = {
        colour: client.get_alias(FunctionName=function, Name=colour.value)["FunctionVersion"]
        for colour in (idle_colour, idle_colour.other)
    }
    assert deployed[names.release_version_output(name)] in held.values()
    released = client.get_function_configuration(
        FunctionName=function, Qualifier=deployed[names.release_version_output(name)]
    )
    assert released["Description"] == deployed[names.release_id_output(name)]


def test_every_routed_function_has_one_rule_that_divides_its_traffic(weights: list[WeightedRule]) -> None:
    assert sorted(rule.function for rule in weights) == sorted(names.ROUTED)
    for rule in weights:
        assert set(rule.weights) == set(Colour)
        assert sum(rule.weights.values()) == 100


def test_one_colour_has_all_live_traffic(weights: list[WeightedRule], idle_colour: Colour) -> None:
    assert all(rule.weights == {idle_colour: 0, idle_colour.other: 100} for rule in weights)


@pytest.mark.parametrize("colour", Colour)
@pytest.mark.parametrize("name", names.ROUTED)
def test_the_colour_header_leads_to_that_colour_before_weights_count(
    listener_rules: list["RuleTypeDef"], deployed: Deployed, name: str, colour: Colour
) -> None:
    wanted = names.target_group(deployed.suffix, name, colour)
    headers = {
        (condition["HttpHeaderConfig"]["HttpHeaderName"].lower(), *condition["HttpHeaderConfig"]["Values"])
        for rule in listener_rules
        for condition in rule["Conditions"]
        if condition["Field"] == "http-header" and _only_group(rule) == wanted
    }
    assert headers == {(names.COLOUR_HEADER, colour.value)}
    numbered = [rule for rule in listener_rules if not rule["IsDefault"]]
    previews = [int(rule["Priority"]) for rule in numbered if _only_group(rule) is not None]
    weighted = [int(rule["Priority"]) for rule in numbered if _only_group(rule) is None]
    assert max(previews) < min(weighted)


def _only_group(rule: "RuleTypeDef") -> str | None:
    """The target group of a rule that forwards to one alone."""
    for action in rule["Actions"]:
        groups = action.get("ForwardConfig", {}).get("TargetGroups", [])
        if len(groups) == 1:
            return group_name(groups[0]["TargetGroupArn"])
        if not groups and "TargetGroupArn" in action:
            return group_name(action["TargetGroupArn"])
    return None
