"""The environments as data: what differs between dev, staging, prod and a pull request is here and nowhere else.

An operator edits account ids, sizes and plans in this file. Raises `InvalidEnvironment` at import when a decision
is unsafe.
"""

from typing import Final

from stages.configuration import (
    CARDHOLDER_DATA_REHEARSAL,
    REGION,
    SANDBOX,
    TEST_CARD_DATA,
    AlarmConfig,
    ApiConfig,
    ComputeConfig,
    DatabaseConfig,
    Environment,
    FunctionConfig,
    NetworkConfig,
    NotificationConfig,
    ReleaseConfig,
    StorageConfig,
)

__all__ = [
    "DEV",
    "PIPELINE_ENVIRONMENTS",
    "PROD",
    "PULL_REQUEST_ACCOUNT",
    "REGION",
    "STAGING",
    "TOOLING_ACCOUNT",
    "Environment",
    "environment_for",
    "pull_request_environment",
]

TOOLING_ACCOUNT: Final = "111111111111"


def _tags(*, environment: str, suffix: str, data_classification: str) -> dict[str, str]:
    return {
        "Project": "payment",
        "Environment": environment,
        "EnvironmentSuffix": suffix,
        "CostCenter": "payments",
        "Owner": "payments-team",
        "DataClassification": data_classification,
    }


def _functions(*, routed: int, fraud: int, audit: int, memory_mib: int) -> dict[str, FunctionConfig]:
    """Validation calls processing and processing calls fraud, so each needs what its caller can send."""
    return {
        "validation": FunctionConfig(memory_mib=memory_mib, reserved_concurrency=routed),
        "processing": FunctionConfig(memory_mib=memory_mib, reserved_concurrency=2 * routed),
        "fraud": FunctionConfig(memory_mib=memory_mib, reserved_concurrency=fraud),
        "rotation": FunctionConfig(memory_mib=256, reserved_concurrency=1),
        "migration": FunctionConfig(memory_mib=256, reserved_concurrency=1),
        "sweeper": FunctionConfig(memory_mib=256, reserved_concurrency=1),
        # One per shard of the stream at a time.
        "audit": FunctionConfig(memory_mib=256, reserved_concurrency=audit),
    }


def _operators(account: str) -> tuple[str, ...]:
    """Identity Center's permission set PaymentOperator. Outside us-east-1 its region comes before the role's name."""
    return (f"arn:aws:iam::{account}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_PaymentOperator_{'?' * 16}",)


DEV: Final = Environment(
    suffix="dev",
    account="222222222222",
    processor=SANDBOX,
    tags=_tags(environment="dev", suffix="dev", data_classification=TEST_CARD_DATA),
    network=NetworkConfig(cidr="10.10.0.0/16", nat_gateways=1, interface_endpoints=(), log_retention_days=90),
    database=DatabaseConfig(
        readers=1,
        minimum_acu=0,
        maximum_acu=4,
        backup_days=7,
        deletion_protection=False,
        advanced_insights=False,
        log_retention_days=90,
    ),
    storage=StorageConfig(keep_on_teardown=False, archive_after_days=90, expire_after_days=400, lock_days=None),
    compute=ComputeConfig(
        functions=_functions(routed=20, fraud=20, audit=5, memory_mib=512),
        account_concurrency=1000,
        log_retention_days=90,
        log_level="INFO",
    ),
    api=ApiConfig(
        requests_per_second=50,
        burst=100,
        requests_per_address=2000,
        load_balancer_deletion_protection=False,
        log_retention_days=90,
    ),
    notifications=NotificationConfig(alerts=(), failed_transactions=()),
    alarms=AlarmConfig(
        latency_p99_ms=3000,
        errors_per_minute=5,
        release_error_percent=2,
        database_cpu_percent=80,
        database_connections=200,
        replica_lag_ms=1000,
        failed_transactions_per_minute=20,
        open_payment_seconds=600,
        fraud_declines_per_minute=100,
        unscored_percent=50,
    ),
    release=ReleaseConfig(approval_required=False, operators=_operators("222222222222")),
)

STAGING: Final = Environment(
    suffix="staging",
    account="333333333333",
    processor=SANDBOX,
    tags=_tags(environment="staging", suffix="staging", data_classification=TEST_CARD_DATA),
    network=NetworkConfig(cidr="10.20.0.0/16", nat_gateways=1, interface_endpoints=(), log_retention_days=90),
    database=DatabaseConfig(
        readers=1,
        minimum_acu=0.5,
        maximum_acu=8,
        backup_days=14,
        deletion_protection=False,
        advanced_insights=False,
        log_retention_days=90,
    ),
    storage=StorageConfig(keep_on_teardown=False, archive_after_days=90, expire_after_days=400, lock_days=None),
    compute=ComputeConfig(
        functions=_functions(routed=50, fraud=50, audit=10, memory_mib=512),
        account_concurrency=1000,
        log_retention_days=90,
        log_level="INFO",
    ),
    api=ApiConfig(
        requests_per_second=200,
        burst=400,
        requests_per_address=5000,
        load_balancer_deletion_protection=False,
        log_retention_days=90,
    ),
    notifications=NotificationConfig(
        alerts=("payments-team@example.com",), failed_transactions=("payments-team@example.com",)
    ),
    alarms=AlarmConfig(
        latency_p99_ms=2000,
        errors_per_minute=5,
        release_error_percent=2,
        database_cpu_percent=80,
        database_connections=400,
        replica_lag_ms=1000,
        failed_transactions_per_minute=20,
        open_payment_seconds=600,
        fraud_declines_per_minute=100,
        unscored_percent=50,
    ),
    release=ReleaseConfig(approval_required=False, operators=_operators("333333333333")),
)

PROD: Final = Environment(
    suffix="prod",
    account="444444444444",
    processor=SANDBOX,
    tags=_tags(environment="prod", suffix="prod", data_classification=CARDHOLDER_DATA_REHEARSAL),
    network=NetworkConfig(
        cidr="10.30.0.0/16", nat_gateways=3, interface_endpoints=("kms", "lambda"), log_retention_days=400
    ),
    database=DatabaseConfig(
        readers=2,
        minimum_acu=2,
        maximum_acu=32,
        backup_days=35,
        deletion_protection=True,
        advanced_insights=True,
        log_retention_days=400,
    ),
    storage=StorageConfig(keep_on_teardown=True, archive_after_days=90, expire_after_days=2557, lock_days=400),
    compute=ComputeConfig(
        functions=_functions(routed=200, fraud=250, audit=40, memory_mib=1024),
        account_concurrency=1000,
        log_retention_days=400,
        log_level="INFO",
    ),
    api=ApiConfig(
        requests_per_second=1000,
        burst=2000,
        requests_per_address=10000,
        load_balancer_deletion_protection=True,
        log_retention_days=400,
    ),
    notifications=NotificationConfig(
        alerts=("payments-on-call@example.com",), failed_transactions=("payments-on-call@example.com",)
    ),
    alarms=AlarmConfig(
        latency_p99_ms=1500,
        errors_per_minute=3,
        release_error_percent=1,
        database_cpu_percent=70,
        database_connections=1000,
        replica_lag_ms=1000,
        failed_transactions_per_minute=5,
        open_payment_seconds=600,
        fraud_declines_per_minute=100,
        unscored_percent=20,
    ),
    release=ReleaseConfig(
        approval_required=True,
        operators=_operators("444444444444"),
        provisioned_concurrency={"validation": 10, "processing": 20, "fraud": 10},
    ),
)

PIPELINE_ENVIRONMENTS: Final = (DEV, STAGING, PROD)
"""The environments that a push to `main` goes through, in this order."""

PULL_REQUEST_ACCOUNT: Final = "555555555555"


def pull_request_environment(suffix: str) -> Environment:
    """A cheap environment of its own in the pull-request account. Raises `release.names.InvalidSuffix`."""
    return Environment(
        suffix=suffix,
        account=PULL_REQUEST_ACCOUNT,
        processor=SANDBOX,
        tags=_tags(environment="pull-request", suffix=suffix, data_classification=TEST_CARD_DATA),
        network=NetworkConfig(cidr="10.40.0.0/16", nat_gateways=0, interface_endpoints=(), log_retention_days=90),
        database=DatabaseConfig(
            readers=1,
            minimum_acu=0,
            maximum_acu=2,
            backup_days=1,
            deletion_protection=False,
            advanced_insights=False,
            log_retention_days=90,
        ),
        storage=StorageConfig(keep_on_teardown=False, archive_after_days=90, expire_after_days=400, lock_days=None),
        compute=ComputeConfig(
            # 21 together: an account with Lambda's usual 1,000 could hold 42 such environments.
            functions=_functions(routed=4, fraud=4, audit=2, memory_mib=512),
            account_concurrency=1000,
            log_retention_days=90,
            log_level="INFO",
        ),
        api=ApiConfig(
            requests_per_second=20,
            burst=40,
            requests_per_address=1000,
            load_balancer_deletion_protection=False,
            log_retention_days=90,
        ),
        notifications=NotificationConfig(alerts=(), failed_transactions=()),
        alarms=AlarmConfig(
            latency_p99_ms=3000,
            errors_per_minute=5,
            release_error_percent=2,
            database_cpu_percent=80,
            database_connections=100,
            replica_lag_ms=1000,
            failed_transactions_per_minute=20,
            open_payment_seconds=600,
            fraud_declines_per_minute=100,
            unscored_percent=50,
        ),
        release=ReleaseConfig(approval_required=False, operators=()),
    )


def environment_for(suffix: str) -> Environment:
    """The environment of that suffix: dev, staging and prod by name, a pull request's for any other."""
    for environment in PIPELINE_ENVIRONMENTS:
        if environment.suffix == suffix:
            return environment
    return pull_request_environment(suffix)
