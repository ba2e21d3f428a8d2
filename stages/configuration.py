"""The shapes of an environment's data, and which decisions are refused.

Nothing that keeps people or money safe has a default: every environment has to decide.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Final
from urllib.parse import urlsplit

from release import names

REGION: Final = "us-east-1"
AVAILABILITY_ZONES: Final = ("us-east-1a", "us-east-1b", "us-east-1c")
UNRESERVED_CONCURRENCY: Final = 100
"""What Lambda demands to stay unreserved in an account, for all functions without a reservation."""
REQUEST_SECONDS: Final = 0.2
"""What a request takes on average, as environments are planned: a payment waits for some seven calls."""
SERVERLESS_ACU_LIMIT: Final = 256
AUDIT_DAYS: Final = 400
"""Twelve months and some, as PCI DSS 10.5.1 asks for audit records."""
CARDHOLDER_DATA: Final = "cardholder-data"
"""What the tag DataClassification says where real cards are charged."""
CARDHOLDER_DATA_REHEARSAL: Final = "cardholder-data-rehearsal"
"""Everything is as where real cards are charged, but payments go to the sandbox, which moves no money."""
TEST_CARD_DATA: Final = "test-card-data"
SANDBOX: Final = "sandbox"
PROCESSORS: Final = frozenset({SANDBOX})
"""Whom functions can hand cards and money to: docs/getting-started.md says how one is added."""
INTERFACE_SERVICES: Final = frozenset({"kms", "lambda", "secretsmanager", "sns", "ssm"})
"""What the functions call beyond tables and buckets, whose gateway endpoints are free and always there."""
RUNBOOKS_URL: Final = "https://github.com/example-payments/payment-pipeline/blob/main/docs/runbooks"
"""Where people who are woken find what to do: the repository of `pipeline.settings`."""


COST_TAGS: Final = frozenset(
    {"Project", "Environment", "EnvironmentSuffix", "CostCenter", "Owner", "DataClassification"}
)

_PRINCIPAL: Final = re.compile(
    r"arn:aws:iam::[0-9]{12}:role/"
    r"(?:[\w+=,.@/-]+|aws-reserved/sso\.amazonaws\.com/[\w/-]*AWSReservedSSO_[\w+=,.@-]+_\?{16})",
    re.ASCII,
)
_EMAIL: Final = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


class InvalidEnvironment(ValueError):
    """The data of an environment contradicts itself or is unsafe; the message names the field."""


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise InvalidEnvironment(message)


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """`cidr` must leave room for three /20 and six /24 subnets.

    Without NAT gateways the functions reach AWS over IPv6, which costs nothing while nobody calls them.
    """

    cidr: str
    nat_gateways: int
    interface_endpoints: tuple[str, ...]
    """Services that the functions reach without a NAT gateway, as `stages.constructs.endpoints` knows them. What they
    cost and when they pay for themselves: docs/decisions/0211-endpoints-where-they-pay.md."""
    log_retention_days: int

    def __post_init__(self) -> None:
        network = IPv4Network(self.cidr)
        _require(network.is_private, f"cidr {self.cidr} is not a private range")
        _require(network.prefixlen <= 16, f"cidr {self.cidr} is smaller than a /16")
        _require(
            0 <= self.nat_gateways <= len(AVAILABILITY_ZONES),
            f"nat_gateways is {self.nat_gateways}: none, or at most one per zone",
        )
        unknown = sorted(set(self.interface_endpoints) - INTERFACE_SERVICES)
        _require(not unknown, f"interface_endpoints: {unknown} are none of {sorted(INTERFACE_SERVICES)}")

    @property
    def egress_over_ipv6(self) -> bool:
        return self.nat_gateways == 0


@dataclass(frozen=True, kw_only=True)
class DatabaseConfig:
    """Aurora Serverless v2; capacities in ACU (2 GiB of memory each), zero means it pauses when idle.

    `advanced_insights` keeps what slowed the database down for 15 months instead of a week, at a price per ACU.
    """

    readers: int
    minimum_acu: float
    maximum_acu: float
    backup_days: int
    deletion_protection: bool
    advanced_insights: bool
    log_retention_days: int

    def __post_init__(self) -> None:
        _require(self.readers >= 1, "readers is 0: a failover would have nowhere to go")
        _require(
            0 <= self.minimum_acu < self.maximum_acu <= SERVERLESS_ACU_LIMIT and self.maximum_acu >= 1,
            f"capacity {self.minimum_acu}..{self.maximum_acu} ACU is not a range that Aurora accepts",
        )
        _require(1 <= self.backup_days <= 35, f"backup_days is {self.backup_days}, Aurora keeps 1 to 35")


@dataclass(frozen=True, kw_only=True)
class StorageConfig:
    """Tables and buckets. `keep_on_teardown` retains them, and the key they are read with, when stacks go.

    For `lock_days` nobody can delete or change an audit record, not even the account's root; None locks nothing, so
    that the environment can go without a trace.
    """

    keep_on_teardown: bool
    archive_after_days: int
    expire_after_days: int
    lock_days: int | None

    def __post_init__(self) -> None:
        # PCI DSS 10.5.1: twelve months kept, the latest three at once.
        _require(self.archive_after_days >= 90, "archive_after_days is below the 90 days that stay at hand")
        _require(
            self.expire_after_days >= AUDIT_DAYS,
            f"expire_after_days is below the {AUDIT_DAYS} days that audit records are kept",
        )
        _require(self.expire_after_days > self.archive_after_days + 90, "archived for less than Glacier's 90 days")
        if self.lock_days is not None:
            _require(
                self.keep_on_teardown, "lock_days without keep_on_teardown: a locked bucket cannot go with its stack"
            )
            _require(
                AUDIT_DAYS <= self.lock_days <= self.expire_after_days,
                f"lock_days is {self.lock_days}: audit records are locked for {AUDIT_DAYS} days at least, "
                "and no longer than they are kept",
            )


@dataclass(frozen=True, kw_only=True)
class FunctionConfig:
    memory_mib: int
    reserved_concurrency: int

    def __post_init__(self) -> None:
        _require(128 <= self.memory_mib <= 10240, f"memory_mib is {self.memory_mib}")
        _require(self.reserved_concurrency >= 1, "reserved_concurrency is 0: the function would never run")


@dataclass(frozen=True, kw_only=True)
class ComputeConfig:
    """`functions` has one entry per function; `account_concurrency` is Lambda's quota in the account."""

    functions: Mapping[str, FunctionConfig]
    account_concurrency: int
    log_retention_days: int
    log_level: str

    def __post_init__(self) -> None:
        expected = {*names.FUNCTIONS, *names.UNCOLOURED_FUNCTIONS}
        _require(set(self.functions) == expected, f"functions are {sorted(self.functions)}, not {sorted(expected)}")
        reserved = sum(function.reserved_concurrency for function in self.functions.values())
        _require(
            reserved <= self.account_concurrency - UNRESERVED_CONCURRENCY,
            f"{reserved} reserved of {self.account_concurrency}: {UNRESERVED_CONCURRENCY} must stay unreserved",
        )
        _require(self.log_level in {"INFO", "WARNING", "ERROR"}, f"log_level is {self.log_level!r}")


@dataclass(frozen=True, kw_only=True)
class NotificationConfig:
    """Who is told: e-mail addresses and https addresses, each of which has to confirm once before it gets anything.

    `alerts` get what alarms say. `failed_transactions` get payments that failed for reasons that are ours: programs
    (https) each of them, people only those that no retry can mend.
    """

    alerts: tuple[str, ...]
    failed_transactions: tuple[str, ...]

    def __post_init__(self) -> None:
        for topic in ("alerts", "failed_transactions"):
            endpoints = getattr(self, topic)
            for endpoint in endpoints:
                _require(
                    _EMAIL.fullmatch(endpoint) is not None or _is_https(endpoint),
                    f"{topic}: {endpoint!r} is neither an e-mail address nor an https address without credentials",
                )
            _require(len(set(endpoints)) == len(endpoints), f"{topic} names an endpoint twice")


def _is_https(endpoint: str) -> bool:
    parts = urlsplit(endpoint)
    return parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc and not parts.fragment


@dataclass(frozen=True, kw_only=True)
class ApiConfig:
    """Throttles are per stage; `requests_per_address` is what one address may send in five minutes."""

    requests_per_second: int
    burst: int
    requests_per_address: int
    load_balancer_deletion_protection: bool
    log_retention_days: int

    def __post_init__(self) -> None:
        _require(0 < self.requests_per_second <= self.burst, "burst is below requests_per_second")
        _require(self.requests_per_address >= 100, "requests_per_address is below the firewall's minimum of 100")


@dataclass(frozen=True, kw_only=True)
class AlarmConfig:
    """Values that an alarm goes off above; one throttle or one lost audit record is too many everywhere.

    `open_payment_seconds` is how long a payment may wait for an outcome: the sweeper settles it within a minute or two.
    `release_error_percent` of a colour's requests in ten seconds, twice, return its traffic in a release.
    `unscored_percent` of a minute's payments: however few there are, all of them lack a score when nobody scores.
    """

    latency_p99_ms: int
    errors_per_minute: int
    release_error_percent: float
    database_cpu_percent: int
    database_connections: int
    replica_lag_ms: int
    failed_transactions_per_minute: int
    open_payment_seconds: int
    fraud_declines_per_minute: int
    unscored_percent: float

    def __post_init__(self) -> None:
        _require(0 < self.database_cpu_percent < 100, f"database_cpu_percent is {self.database_cpu_percent}")
        _require(0 < self.release_error_percent < 100, f"release_error_percent is {self.release_error_percent}")
        _require(0 < self.unscored_percent < 100, f"unscored_percent is {self.unscored_percent}")
        # The sweeper comes within a minute, and a payment is 25 s old before it asks.
        _require(self.open_payment_seconds >= 120, f"open_payment_seconds is {self.open_payment_seconds}")
        # Functions answer within 8 s: a higher threshold could never be crossed.
        _require(0 < self.latency_p99_ms < 8000, f"latency_p99_ms is {self.latency_p99_ms}")


@dataclass(frozen=True, kw_only=True)
class ReleaseConfig:
    """Whether a person approves before live traffic moves. How it moves is the controller's: `release.plans`.

    `provisioned_concurrency` is what a function keeps started for live traffic, by its name. The controller puts it on
    the colour with the traffic; for a while both have it.

    `operators` are the roles that people have when they roll back, heal or shift by hand: ARNs, with sixteen `?` in
    place of the letters that Identity Center ends the name of a permission set's role with. Empty: only the pipeline.
    """

    approval_required: bool
    operators: tuple[str, ...]
    provisioned_concurrency: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = set(self.provisioned_concurrency) - set(names.FUNCTIONS)
        _require(not unknown, f"provisioned_concurrency of {sorted(unknown)}, which have no colours")
        for operator in self.operators:
            _require(_PRINCIPAL.fullmatch(operator) is not None, f"operators: {operator!r} is not the ARN of one role")
        _require(all(number > 0 for number in self.provisioned_concurrency.values()), "provisioned_concurrency of 0")


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Everything a `PaymentStage` needs to know. `suffix` is part of every physical name.

    `processor` names the acquirer, its token provider and the table of its cards' countries.
    """

    suffix: str
    account: str
    processor: str
    tags: Mapping[str, str]
    network: NetworkConfig
    database: DatabaseConfig
    storage: StorageConfig
    compute: ComputeConfig
    api: ApiConfig
    notifications: NotificationConfig
    alarms: AlarmConfig
    release: ReleaseConfig

    def __post_init__(self) -> None:
        names.validate_suffix(self.suffix)
        _require(re.fullmatch(r"[0-9]{12}", self.account) is not None, f"account {self.account!r} is not 12 digits")
        missing = COST_TAGS - set(self.tags)
        _require(not missing, f"tags lack {sorted(missing)}")
        _require(
            self.storage.keep_on_teardown or not self.database.deletion_protection,
            "deletion_protection without keep_on_teardown: the database would outlive its key",
        )
        for name, number in self.release.provisioned_concurrency.items():
            reserved = self.compute.functions[name].reserved_concurrency
            _require(
                2 * number <= reserved, f"provisioned_concurrency of {name}: both colours need {2 * number} at once"
            )
        self._admits_what_functions_take()
        _require(self.tags["EnvironmentSuffix"] == self.suffix, "tag EnvironmentSuffix is not the suffix")
        classification = self.tags["DataClassification"]
        _require(
            classification in {TEST_CARD_DATA, CARDHOLDER_DATA_REHEARSAL, CARDHOLDER_DATA},
            f"tag DataClassification is {classification!r}",
        )
        _require(self.processor in PROCESSORS, f"processor {self.processor!r} is none of {sorted(PROCESSORS)}")
        if classification != TEST_CARD_DATA:
            self._protects_cardholder_data()

    def _admits_what_functions_take(self) -> None:
        """API Gateway refuses with a problem document, the load balancer behind it with a page: docs/decisions/0315."""
        at_once = self.api.requests_per_second * REQUEST_SECONDS
        for name in names.FUNCTIONS:
            reserved = self.compute.functions[name].reserved_concurrency
            _require(
                at_once <= reserved,
                f"requests_per_second of {self.api.requests_per_second}: {at_once:g} requests at once, "
                f"{reserved} are reserved for {name}",
            )

    def _protects_cardholder_data(self) -> None:
        _require(
            (self.processor == SANDBOX) == (self.tags["DataClassification"] == CARDHOLDER_DATA_REHEARSAL),
            f"processor is {self.processor!r} where DataClassification is {self.tags['DataClassification']!r}: the "
            "sandbox answers `authorized` and moves no money, so it is for rehearsals, and they are for nothing else",
        )
        _require(self.storage.lock_days is not None, "lock_days is None where real cards are charged")
        _require(self.database.deletion_protection, "deletion_protection is off where real cards are charged")
        _require(self.database.backup_days == 35, "backup_days is below Aurora's 35 where real cards are charged")
        _require(bool(self.notifications.alerts), "alerts tell nobody where real cards are charged")
        _require(bool(self.notifications.failed_transactions), "failed_transactions tell nobody where real cards are")
        _require(self.release.approval_required, "approval_required is off where real cards are charged")
        _require(bool(self.release.operators), "operators is empty where real cards are charged: who would roll back?")

    @property
    def region(self) -> str:
        return REGION
