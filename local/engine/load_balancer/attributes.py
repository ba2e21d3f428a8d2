"""The attributes of load balancers, target groups and listeners: names, defaults, and which have an effect here.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ListenerAttribute.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from local.engine.load_balancer.errors import unsupported, validation
from local.engine.load_balancer.model import Shape

DELETION_PROTECTION = "deletion_protection.enabled"
DROP_INVALID_HEADERS = "routing.http.drop_invalid_header_fields.enabled"
FORWARDED_FOR_MODE = "routing.http.xff_header_processing.mode"
MULTI_VALUE_HEADERS = "lambda.multi_value_headers.enabled"
SERVER_HEADER = "routing.http.response.server.enabled"
ACCESS_LOG = ("access_logs.s3.enabled", "access_logs.s3.bucket", "access_logs.s3.prefix")

LOAD_BALANCER: Mapping[str, str] = {
    DELETION_PROTECTION: "false",
    DROP_INVALID_HEADERS: "false",
    FORWARDED_FOR_MODE: "append",
    "access_logs.s3.enabled": "false",
    "access_logs.s3.bucket": "",
    "access_logs.s3.prefix": "",
    "connection_logs.s3.enabled": "false",
    "connection_logs.s3.bucket": "",
    "connection_logs.s3.prefix": "",
    "client_keep_alive.seconds": "3600",
    "idle_timeout.timeout_seconds": "60",
    "load_balancing.cross_zone.enabled": "true",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
    "zonal_shift.config.enabled": "false",
}
TARGET_GROUP: Mapping[str, str] = {
    MULTI_VALUE_HEADERS: "false",
    "stickiness.enabled": "false",
    "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
}
LISTENER: Mapping[str, str] = {SERVER_HEADER: "true"}

# Kept and described, but the data plane here does nothing with them.
WITHOUT_EFFECT = frozenset(
    {*LOAD_BALANCER, *TARGET_GROUP}
    - {DELETION_PROTECTION, DROP_INVALID_HEADERS, FORWARDED_FOR_MODE, MULTI_VALUE_HEADERS, *ACCESS_LOG}
)

_CHOICES: Mapping[str, frozenset[str]] = {
    FORWARDED_FOR_MODE: frozenset({"append", "preserve", "remove"}),
    "routing.http.desync_mitigation_mode": frozenset({"monitor", "defensive", "strictest"}),
}


def merged(current: Mapping[str, str], changes: Sequence[Shape]) -> dict[str, str]:
    """`current` with `changes` ({"Key", "Value"} each). Raises `ApiError` for an unknown key or a bad value."""
    result = dict(current)
    for change in changes:
        key, value = change["Key"], change.get("Value", "")
        if key not in current:
            raise validation(f"Attribute key '{key}' is not recognized")
        choices = _CHOICES.get(key) or (frozenset({"true", "false"}) if key.endswith(".enabled") else None)
        if choices and value not in choices:
            raise validation(f"Attribute value '{value}' of '{key}' must be one of {sorted(choices)}")
        if (key, value) == ("stickiness.enabled", "true"):
            raise unsupported("stickiness within a target group (a Lambda group has one target)")
        result[key] = value
    return result


def described(attributes: Mapping[str, str]) -> list[Shape]:
    return [{"Key": key, "Value": value} for key, value in sorted(attributes.items())]
