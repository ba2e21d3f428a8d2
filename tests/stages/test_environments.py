"""The environments' data: unsafe decisions are refused, and prod is never the weakest."""

import operator
from dataclasses import fields, is_dataclass, replace
from ipaddress import IPv4Network
from typing import Any

import pytest

from release.names import InvalidSuffix
from release.plans import plan_for
from stages import configuration
from stages.configuration import CARDHOLDER_DATA, SANDBOX, FunctionConfig, InvalidEnvironment
from stages.environments import (
    DEV,
    PIPELINE_ENVIRONMENTS,
    PROD,
    PULL_REQUEST_ACCOUNT,
    STAGING,
    TOOLING_ACCOUNT,
    environment_for,
    pull_request_environment,
)


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("network", "cidr", "8.8.0.0/16"),
        ("network", "cidr", "10.0.0.0/20"),
        ("network", "nat_gateways", -1),
        ("network", "nat_gateways", 4),
        ("database", "readers", 0),
        ("database", "minimum_acu", -1),
        ("database", "maximum_acu", 512),
        ("database", "minimum_acu", 64),
        ("database", "backup_days", 0),
        ("database", "backup_days", 36),
        ("storage", "archive_after_days", 30),
        ("storage", "expire_after_days", 365),
        ("storage", "lock_days", 399),
        ("storage", "lock_days", 2558),
        ("storage", "keep_on_teardown", False),
        ("compute", "functions", {}),
        ("compute", "account_concurrency", 100),
        ("compute", "log_level", "DEBUG"),
        ("api", "burst", 1),
        ("api", "requests_per_address", 10),
        ("alarms", "latency_p99_ms", 9000),
        ("alarms", "database_cpu_percent", 100),
        ("alarms", "unscored_percent", 0),
    ],
)
def test_unsafe_decisions_are_refused_by_name(part: str, field: str, value: Any) -> None:
    with pytest.raises(InvalidEnvironment, match=r"\w+"):
        replace(getattr(PROD, part), **{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("account", "1234"),
        ("tags", {}),
        ("tags", {**PROD.tags, "EnvironmentSuffix": "dev"}),
        ("api", replace(PROD.api, requests_per_second=1001)),
        ("tags", {**PROD.tags, "DataClassification": "secret"}),
        ("processor", "nobody"),
        ("storage", replace(PROD.storage, keep_on_teardown=False, lock_days=None)),
        ("storage", replace(PROD.storage, lock_days=None)),
        ("database", replace(PROD.database, backup_days=34)),
        ("database", replace(PROD.database, deletion_protection=False)),
        ("release", replace(PROD.release, approval_required=False)),
        ("release", replace(PROD.release, operators=())),
    ],
)
def test_contradictions_are_refused(field: str, value: Any) -> None:
    with pytest.raises(InvalidEnvironment):
        replace(PROD, **{field: value})


def test_real_cards_need_a_processor_that_moves_money(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration, "PROCESSORS", frozenset({SANDBOX, "acquirer"}))
    real_cards = {**PROD.tags, "DataClassification": CARDHOLDER_DATA}
    with pytest.raises(InvalidEnvironment, match=r"processor is 'sandbox' .* moves no money"):
        replace(PROD, tags=real_cards)
    with pytest.raises(InvalidEnvironment, match="processor is 'acquirer'"):
        replace(PROD, processor="acquirer")
    assert replace(PROD, tags=real_cards, processor="acquirer")
    assert replace(STAGING, processor="acquirer")  # its test system


@pytest.mark.parametrize(("memory", "reserved"), [(64, 1), (128, 0)])
def test_a_function_needs_memory_and_a_reservation(memory: int, reserved: int) -> None:
    with pytest.raises(InvalidEnvironment):
        FunctionConfig(memory_mib=memory, reserved_concurrency=reserved)


ACCOUNT_ROLE = "arn:aws:iam::444444444444:role/"
PERMISSION_SET = f"{ACCOUNT_ROLE}aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_PaymentOperator_"


@pytest.mark.parametrize("operator", [f"{ACCOUNT_ROLE}people/operator", f"{PERMISSION_SET}{'?' * 16}"])
def test_operators_are_roles_or_permission_sets(operator: str) -> None:
    assert replace(PROD.release, operators=(operator,)).operators == (operator,)


@pytest.mark.parametrize(
    "operator",
    [
        "arn:aws:iam::444444444444:root",
        "arn:aws:iam::444444444444:user/jo",
        f"{ACCOUNT_ROLE}*",
        f"{ACCOUNT_ROLE}{'?' * 16}",
        f"{PERMISSION_SET}*",
        "operator",
    ],
)
def test_an_operator_that_could_be_anybody_is_refused(operator: str) -> None:
    with pytest.raises(InvalidEnvironment, match="operators"):
        replace(PROD.release, operators=(operator,))


LIKE_OTHERS = None
MORE, LESS = operator.ge, operator.le
# Of every decision: whether prod has at least as much of it, at most as much, or whether it makes nothing safer.
STRICTER = {
    "network.cidr": LIKE_OTHERS,
    "network.nat_gateways": MORE,
    "network.interface_endpoints": lambda prod, other: set(prod) >= set(other),
    "network.log_retention_days": MORE,
    "database.readers": MORE,
    "database.minimum_acu": MORE,
    "database.maximum_acu": MORE,
    "database.backup_days": MORE,
    "database.deletion_protection": MORE,
    "database.advanced_insights": MORE,
    "database.log_retention_days": MORE,
    "storage.keep_on_teardown": MORE,
    "storage.archive_after_days": MORE,
    "storage.expire_after_days": MORE,
    "storage.lock_days": lambda prod, other: (prod or 0) >= (other or 0),
    "compute.functions": lambda prod, other: all(
        prod[name].memory_mib >= size.memory_mib and prod[name].reserved_concurrency >= size.reserved_concurrency
        for name, size in other.items()
    ),
    "compute.account_concurrency": LIKE_OTHERS,
    "compute.log_retention_days": MORE,
    "compute.log_level": LIKE_OTHERS,
    # What a merchant may send grows with the traffic that there is.
    "api.requests_per_second": LIKE_OTHERS,
    "api.burst": LIKE_OTHERS,
    "api.requests_per_address": LIKE_OTHERS,
    "api.load_balancer_deletion_protection": MORE,
    "api.log_retention_days": MORE,
    "notifications.alerts": lambda prod, other: len(prod) >= len(other),
    "notifications.failed_transactions": lambda prod, other: len(prod) >= len(other),
    "alarms.latency_p99_ms": LESS,
    "alarms.errors_per_minute": LESS,
    "alarms.release_error_percent": LESS,
    "alarms.database_cpu_percent": LESS,
    # Follows the functions' concurrency, which is what may open connections.
    "alarms.database_connections": LIKE_OTHERS,
    "alarms.replica_lag_ms": LESS,
    "alarms.failed_transactions_per_minute": LESS,
    "alarms.open_payment_seconds": LESS,
    "alarms.fraud_declines_per_minute": LESS,
    "alarms.unscored_percent": LESS,
    "release.approval_required": MORE,
    "release.operators": LIKE_OTHERS,
    "release.provisioned_concurrency": lambda prod, other: all(prod.get(n, 0) >= v for n, v in other.items()),
}


@pytest.mark.parametrize("decision", STRICTER)
@pytest.mark.parametrize("other", [DEV, STAGING, pull_request_environment("pr-1")], ids=lambda other: other.suffix)
def test_prod_is_at_least_as_strict_as_every_other_environment(other: Any, decision: str) -> None:
    is_stricter = STRICTER[decision]
    part, field = decision.split(".")
    if is_stricter:
        assert is_stricter(getattr(getattr(PROD, part), field), getattr(getattr(other, part), field))


def test_it_is_known_of_every_decision_what_is_stricter() -> None:
    parts = {part.name: getattr(PROD, part.name) for part in fields(PROD) if is_dataclass(getattr(PROD, part.name))}
    assert STRICTER.keys() == {f"{name}.{field.name}" for name, part in parts.items() for field in fields(part)}


def test_a_person_approves_prod() -> None:
    assert PROD.release.approval_required


def test_the_controller_asks_for_an_approver_where_the_pipeline_asks_a_person() -> None:
    for environment in (*PIPELINE_ENVIRONMENTS, pull_request_environment("pr-1")):
        assert plan_for(environment.suffix).approval_required == environment.release.approval_required


def test_environments_share_neither_accounts_nor_addresses() -> None:
    environments = [*PIPELINE_ENVIRONMENTS, pull_request_environment("pr-1")]
    accounts = {environment.account for environment in environments} | {TOOLING_ACCOUNT}
    assert len(accounts) == len(environments) + 1
    networks = [IPv4Network(environment.network.cidr) for environment in environments]
    assert not any(a.overlaps(b) for i, a in enumerate(networks) for b in networks[i + 1 :])


@pytest.mark.parametrize("environment", PIPELINE_ENVIRONMENTS, ids=lambda environment: environment.suffix)
def test_a_pipeline_environment_is_found_by_its_suffix(environment: Any) -> None:
    assert environment_for(environment.suffix) is environment


def test_any_other_suffix_is_a_pull_requests_environment_in_its_own_account() -> None:
    environment = environment_for("pr-12")
    assert environment.suffix == "pr-12"
    assert environment.account == PULL_REQUEST_ACCOUNT
    assert environment.database.minimum_acu == 0


def test_many_pull_requests_fit_into_one_accounts_concurrency() -> None:
    compute = pull_request_environment("pr-1").compute
    reserved = sum(function.reserved_concurrency for function in compute.functions.values())
    assert 20 * reserved <= compute.account_concurrency - 100


@pytest.mark.parametrize("suffix", ["", "Prod", "a--b", "main", "thirteen-char", "9lives"])
def test_an_invalid_suffix_is_no_environment(suffix: str) -> None:
    with pytest.raises(InvalidSuffix):
        environment_for(suffix)
