"""Whatever is broken in a deployed environment, its integration tests notice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.assembly import read_assembly
from local.single_environment import Environment, running_environment
from release import names
from tests.e2e import breaks
from tests.e2e.conftest import CHECKOUT

pytestmark = pytest.mark.acceptance

# One that the function's work needs; a role that lacks it cannot do its part of a payment.
NEEDED = {
    "validation": ("kms:GenerateMac", "integ_tests/test_payments.py"),
    "processing": ("dynamodb:PutItem", "integ_tests/test_payments.py"),
    "fraud": ("dynamodb:UpdateItem", "integ_tests/test_payments.py"),
    "audit": ("s3:PutObject", "integ_tests/test_audit.py"),
    "sweeper": ("dynamodb:Query", "integ_tests/test_functions_at_work.py"),
    "migration": ("secretsmanager:GetSecretValue", "integ_tests/test_functions_at_work.py"),
    "rotation": ("secretsmanager:DescribeSecret", "integ_tests/test_functions_at_work.py"),
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    folder: Path = tmp_path_factory.mktemp("broken")
    assembly = read_assembly(CHECKOUT / "cdk.out")
    with running_environment(assembly, suffix="dev", checkout=CHECKOUT, folder=folder) as running:
        yield running


@pytest.mark.parametrize(
    ("broken", "tests"),
    [
        pytest.param(breaks.without_recovery, "integ_tests/test_data.py", id="recovery"),
        pytest.param(breaks.without_weight, "integ_tests/test_compute.py", id="weight"),
        pytest.param(breaks.without_validator, "integ_tests/test_api.py", id="validator"),
        pytest.param(breaks.with_another_group_admitted, "integ_tests/test_security_groups.py", id="security group"),
        *(
            pytest.param(breaks.without_permission(name, action), tests, id=name)
            for name, (action, tests) in NEEDED.items()
        ),
    ],
)
def test_integration_tests_notice(environment: Environment, broken: breaks.Break, tests: str) -> None:
    whole = environment.integration_tests(tests)
    assert whole.returncode == 0, whole.stdout[-2000:]

    with broken(environment.session(), environment.outputs):
        found = environment.integration_tests("-x", tests)

    assert found.returncode == 1, found.stdout[-2000:]


def test_every_function_has_lost_a_permission() -> None:
    assert set(NEEDED) == {*names.FUNCTIONS, *names.UNCOLOURED_FUNCTIONS}
