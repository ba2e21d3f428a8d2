"""Every physical name of an environment, as a pure function of its suffix.

The templates create these names and the controller looks them up; both import this module,
so that the two cannot disagree. No AWS, no CDK.
"""

import re
from enum import StrEnum
from typing import Final

SUFFIX_MAXIMUM_LENGTH: Final = 12
RESERVED_SUFFIXES: Final = frozenset({"main", "master", "live", "tooling"})
RESERVED_FIRST_WORDS: Final = frozenset({"branches", "pipeline"})
"""How the names of what belongs to no environment go on: `payment-branches-build` is nobody's but the builds'."""
SUFFIX_RULE: Final = (
    f"1 to {SUFFIX_MAXIMUM_LENGTH} characters: a lower-case letter first, then lower-case letters, "
    "digits and single dashes, no dash at the end; not one of " + ", ".join(sorted(RESERVED_SUFFIXES)) + "; "
    "not beginning with the word " + " or ".join(sorted(RESERVED_FIRST_WORDS))
)
_SUFFIX_PATTERN: Final = re.compile(r"[a-z](?:-?[a-z0-9])*", re.ASCII)

# Order is part of the release state vector: append only, never reorder or remove.
FUNCTIONS: Final = ("validation", "processing", "fraud")
# Functions behind the load balancer; traffic is moved in this order.
ROUTED: Final = ("validation", "processing")
UNCOLOURED_FUNCTIONS: Final = ("rotation", "migration", "audit", "sweeper")
LAYERS: Final = ("network", "security", "data", "compute", "api", "monitoring")

PIPELINE: Final = "payment-pipeline"
PIPELINE_RELEASE_ROLE: Final = "payment-pipeline-release"
PIPELINE_HEAL_ROLE: Final = "payment-pipeline-heal"
PIPELINE_TEST_ROLE: Final = "payment-pipeline-test"
BRANCHES: Final = "payment-branches"
"""The stack, the build project and the table of records of the account in which branches have their environments."""
BRANCHES_BUILD_ROLE: Final = "payment-branches-build"
BRANCHES_JANITOR: Final = "payment-branches-janitor"
LIVE_STAGE: Final = "live"
COLOUR_HEADER: Final = "x-release-color"
RELEASE_STATE_PARAMETER: Final = "ReleaseState"
"""Logical id of the template parameter that reads the release state."""

_TARGET_GROUP_ROLES: Final = {"validation": "val", "processing": "proc"}


class InvalidSuffix(ValueError):
    """The environment suffix cannot be part of resource names; the message says what can."""


class Colour(StrEnum):
    """One of the two sides that a release can be on."""

    BLUE = "blue"
    GREEN = "green"

    @property
    def other(self) -> "Colour":
        return Colour.GREEN if self is Colour.BLUE else Colour.BLUE


def validate_suffix(suffix: str) -> str:
    """Return `suffix` unchanged when it is valid. Raises `InvalidSuffix`."""
    reserved = suffix in RESERVED_SUFFIXES or suffix.partition("-")[0] in RESERVED_FIRST_WORDS
    if len(suffix) > SUFFIX_MAXIMUM_LENGTH or not _SUFFIX_PATTERN.fullmatch(suffix) or reserved:
        raise InvalidSuffix(f"environment suffix {suffix!r} is not allowed. Allowed: {SUFFIX_RULE}")
    return suffix


def pipeline_stage(suffix: str) -> str:
    """The stage of the pipeline that deploys the environment."""
    return suffix.capitalize()


def prefix(suffix: str) -> str:
    return f"payment-{suffix}"


def resource(suffix: str, role: str) -> str:
    """The name of a resource that has no function of its own here, for example a role or an alarm."""
    return f"payment-{suffix}-{role}"


def stack(suffix: str, layer: str) -> str:
    """`layer` is one of LAYERS, or `access`."""
    return resource(suffix, layer)


def stacks(suffix: str) -> tuple[str, ...]:
    """The stacks of the environment in the order of their deployment."""
    return tuple(stack(suffix, layer) for layer in LAYERS)


def access_stack(suffix: str) -> str:
    return stack(suffix, "access")


def function(suffix: str, name: str) -> str:
    """`name` is one of FUNCTIONS or UNCOLOURED_FUNCTIONS."""
    return resource(suffix, name)


def table(suffix: str, name: str) -> str:
    """`name` is transactions, idempotency or velocity."""
    return resource(suffix, name)


def load_balancer(suffix: str) -> str:
    return resource(suffix, "alb")


def target_group(suffix: str, function_name: str, colour: Colour) -> str:
    """`function_name` is one of ROUTED. At most 32 characters, Elastic Load Balancing's limit."""
    return resource(suffix, f"{_TARGET_GROUP_ROLES[function_name]}-{colour.value}")


def rest_api(suffix: str) -> str:
    return resource(suffix, "api")


def preview_stage(colour: Colour) -> str:
    return f"preview-{colour.value}"


def vpc_link(suffix: str) -> str:
    return resource(suffix, "link")


def database_cluster(suffix: str) -> str:
    return resource(suffix, "db")


def dashboard(suffix: str) -> str:
    return prefix(suffix)


def alerts_topic(suffix: str) -> str:
    return resource(suffix, "alerts")


def releases_topic(suffix: str) -> str:
    """Where every decision of the release controller is posted."""
    return resource(suffix, "releases")


def failed_transactions_topic(suffix: str) -> str:
    return resource(suffix, "failed-transactions")


def audit_bucket(suffix: str, account: str) -> str:
    return resource(suffix, f"audit-{account}")


def access_logs_bucket(suffix: str, account: str) -> str:
    return resource(suffix, f"access-logs-{account}")


def log_group(suffix: str, name: str) -> str:
    """`name` is a function's name, `api-access` or `flow-logs`."""
    return f"/payment/{suffix}/{name}"


def audit_failures_queue(suffix: str) -> str:
    """Where the stream's records go that could not be written to the audit bucket."""
    return resource(suffix, "audit-failures")


def parameter_path(suffix: str) -> str:
    return f"/payment/{suffix}"


def release_state_parameter(suffix: str) -> str:
    """Parameter Store name of the release state. Never a stack's resource."""
    return f"/payment/{suffix}/release/state"


def config_prefix(suffix: str) -> str:
    return f"/payment/{suffix}/config"


def config_parameter(suffix: str, key: str) -> str:
    """`key` in kebab-case, for example `transactions-table-name`."""
    return f"/payment/{suffix}/config/{key}"


def certificate_arn_parameter(suffix: str) -> str:
    return f"/payment/{suffix}/edge/certificate-arn"


def domain_name_parameter(suffix: str) -> str:
    return f"/payment/{suffix}/edge/domain-name"


def database_admin_secret(suffix: str) -> str:
    return f"payment/{suffix}/database/admin"


def database_app_secret(suffix: str) -> str:
    return f"payment/{suffix}/database/app"


def release_role(suffix: str) -> str:
    return resource(suffix, "release")


def integration_test_role(suffix: str) -> str:
    return resource(suffix, "integration-test")


def database_secrets(suffix: str) -> tuple[str, ...]:
    return database_admin_secret(suffix), database_app_secret(suffix)


def export(suffix: str, key: str) -> str:
    """Export name of the stack output `key` (PascalCase)."""
    return resource(suffix, key)


DEPLOYMENT_OUTPUT: Final = "ApiDeploymentId"
"""Output of the api stack: the deployment that its template made."""


def release_version_output(function_name: str) -> str:
    """Output of the compute stack: the version number that its template made of the function."""
    return f"{function_name.capitalize()}ReleaseVersion"


def release_id_output(function_name: str) -> str:
    return f"{function_name.capitalize()}ReleaseId"


def release_hold_parameter(suffix: str) -> str:
    """While it exists, no shift begins; its value says why."""
    return f"/payment/{suffix}/release/hold"


def release_table(suffix: str) -> str:
    """The ledger: who moves traffic now, what is half done, and every release with its outcome. It is made with the
    environment's access, so that it is there before the first freeze and stays when the environment goes."""
    return resource(suffix, "releases")


def provisioned_concurrency_output(function_name: str) -> str:
    """Output of the compute stack: how many environments of the function are kept started for live traffic."""
    return f"{function_name.capitalize()}ProvisionedConcurrency"
