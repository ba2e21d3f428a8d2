"""Whatever is broken in a deployed environment, its integration tests notice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from local.assembly import read_assembly
from local.single_environment import Environment, running_environment
from tests.e2e.conftest import CHECKOUT

pytestmark = pytest.mark.acceptance

Break = Callable[[Environment], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    folder: Path = tmp_path_factory.mktemp("broken")
    assembly = read_assembly(CHECKOUT / "cdk.out")
    with running_environment(assembly, suffix="dev", checkout=CHECKOUT, folder=folder) as running:
        yield running


@contextmanager
def without_recovery(environment: Environment) -> Iterator[None]:
    client = environment.session().client("dynamodb")

    def recover(*, enabled: bool) -> None:
        client.update_continuous_backups(
            TableName="payment-dev-transactions",
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": enabled},
        )

    recover(enabled=False)
    yield
    recover(enabled=True)


@contextmanager
def without_weight(environment: Environment) -> Iterator[None]:
    """The rule of live traffic forwards to one colour only, as if the template's weights were dropped."""
    client = environment.session().client("elbv2")
    rules = client.describe_rules(ListenerArn=environment.outputs["ListenerArn"])["Rules"]
    rule = next(r for r in rules if len(r["Actions"][0].get("ForwardConfig", {}).get("TargetGroups", [])) == 2)
    first = rule["Actions"][0]["ForwardConfig"]["TargetGroups"][0]["TargetGroupArn"]
    client.modify_rule(RuleArn=rule["RuleArn"], Actions=[{"Type": "forward", "TargetGroupArn": first}])
    yield
    client.modify_rule(RuleArn=rule["RuleArn"], Actions=rule["Actions"])


def without_permissions(function: str) -> Break:
    @contextmanager
    def broken(environment: Environment) -> Iterator[None]:
        """The role of a function has none of its own policies."""
        iam, name = environment.session().client("iam"), f"payment-dev-{function}"
        attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        inline = {
            policy: iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
        }
        assert attached or inline
        for policy in attached:
            iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
        for policy_name in inline:
            iam.delete_role_policy(RoleName=name, PolicyName=policy_name)
        yield
        for policy in attached:
            iam.attach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
        for policy_name, document in inline.items():
            iam.put_role_policy(RoleName=name, PolicyName=policy_name, PolicyDocument=json.dumps(document))

    return broken


@pytest.mark.parametrize(
    ("broken", "tests"),
    [
        pytest.param(without_recovery, "integ_tests/test_data.py", id="recovery"),
        pytest.param(without_weight, "integ_tests/test_compute.py", id="weight"),
        pytest.param(without_permissions("validation"), "integ_tests/test_payments.py", id="validation"),
        pytest.param(without_permissions("processing"), "integ_tests/test_payments.py", id="processing"),
        pytest.param(without_permissions("fraud"), "integ_tests/test_payments.py", id="fraud"),
    ],
)
def test_integration_tests_notice(environment: Environment, broken: Break, tests: str) -> None:
    whole = environment.integration_tests(tests)
    assert whole.returncode == 0, whole.stdout[-2000:]

    with broken(environment):
        found = environment.integration_tests("-x", tests)

    assert found.returncode == 1, found.stdout[-2000:]
