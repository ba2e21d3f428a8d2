"""Ways to AWS that do not leave the network: which there are, and what gets through them."""

from fnmatch import fnmatchcase
from typing import Any

import pytest

from stages.configuration import INTERFACE_SERVICES
from stages.constructs.endpoints import reach_of
from stages.environments import PROD
from tests.stages.templates import ENVIRONMENTS, Resource, Synthesis, as_list, statements, texts


def endpoints(synthesis: Synthesis, suffix: str) -> dict[str, Resource]:
    return {
        next(text for text in reversed(list(texts(found.properties["ServiceName"])))).rsplit(".", 1)[-1]: found
        for found in synthesis.resources("AWS::EC2::VPCEndpoint")
        if found.environment.suffix == suffix
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda environment: environment.suffix)
def test_an_environment_has_the_endpoints_of_its_data_and_the_free_ones(synthesis: Synthesis, environment: Any) -> None:
    found = endpoints(synthesis, environment.suffix)
    assert found.keys() == {"s3", "dynamodb", *environment.network.interface_endpoints}
    for service in environment.network.interface_endpoints:
        properties = found[service].properties
        assert properties["PrivateDnsEnabled"] is True
        assert len(properties["SubnetIds"]) == 3
        (group,) = properties["SecurityGroupIds"]
        assert any("EndpointsGroup" in text for text in texts(group))


def test_only_the_functions_reach_the_endpoints(synthesis: Synthesis) -> None:
    entries = [
        rule
        for rule in synthesis.resources("AWS::EC2::SecurityGroupIngress")
        if any("EndpointsGroup" in text for text in texts(rule.properties["GroupId"]))
    ]
    assert [rule.environment.suffix for rule in entries] == ["prod"]
    assert any("FunctionsGroup" in text for text in texts(entries[0].properties["SourceSecurityGroupId"]))
    assert entries[0].properties["ToPort"] == 443


def test_every_endpoint_admits_this_account_to_named_actions_on_its_own_resources(synthesis: Synthesis) -> None:
    for environment in ENVIRONMENTS:
        for service, endpoint in endpoints(synthesis, environment.suffix).items():
            (statement,) = endpoint.properties["PolicyDocument"]["Statement"]
            assert statement["Condition"] == {"StringEquals": {"aws:PrincipalAccount": environment.account}}
            assert all(
                action.startswith(f"{service}:") and "*" not in action for action in as_list(statement["Action"])
            )
            assert "*" not in as_list(statement["Resource"])


@pytest.mark.parametrize("service", [*sorted(INTERFACE_SERVICES), "dynamodb", "s3"])
def test_what_the_functions_may_do_gets_through(synthesis: Synthesis, service: str) -> None:
    """An endpoint in the way of a permission would be found on AWS only."""
    reach = reach_of(service, suffix=PROD.suffix, account=PROD.account, region=PROD.region)
    asked = 0
    for policy in synthesis.resources("AWS::IAM::ManagedPolicy"):
        if (policy.environment.suffix, policy.layer) != (PROD.suffix, "compute"):
            continue
        for statement in statements(policy):
            actions = [a for a in as_list(statement["Action"]) if a.startswith(f"{service}:") and "tream" not in a]
            # Lambda itself reads the stream and hands failures over, from outside the network.
            if statement["Effect"] != "Allow" or "GetRecords" in str(actions) or "GetShardIterator" in str(actions):
                continue
            assert set(actions) <= set(reach.actions), f"{policy}: {actions}"
            named = [r for r in as_list(statement["Resource"]) if isinstance(r, str)] if actions else []
            assert all(any(fnmatchcase(r, pattern) for pattern in reach.resources) for r in named), f"{policy}: {named}"
            asked += len(actions)
    assert asked, f"no function uses {service}: what is the endpoint for?"
