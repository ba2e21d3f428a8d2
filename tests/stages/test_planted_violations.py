"""Every invariant can fail: one change of one resource in one environment's templates makes it."""

import copy
import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.stages import test_invariants as invariants
from tests.stages.templates import ENVIRONMENTS, Synthesis

PROD, BRANCH = "prod", ENVIRONMENTS[-1].suffix
Change = Callable[[dict[str, Any]], None]
ADDRESSES = {"CidrIp": "0.0.0.0/0", "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
EVERYBODY = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:Decrypt", "Resource": "*"}


def put(path: str, value: Any) -> Change:
    """Set what is at a dotted path of a resource's definition."""

    def change(definition: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        holder: Any = definition
        for parent in parents:
            holder = holder[int(parent)] if isinstance(holder, list) else holder[parent]
        holder[last] = value

    return change


def add(path: str, value: Any) -> Change:
    """Append to the list at a dotted path."""

    def change(definition: dict[str, Any]) -> None:
        holder: Any = definition
        for part in path.split("."):
            holder = holder[part]
        holder.append(value)

    return change


def turn_into(type_: str) -> Change:
    return put("Type", type_)


# Test, its arguments beside the synthesis, environment, type of the resource, change.
PLANTS: list[tuple[str, tuple[Any, ...], str, str, Change]] = [
    ("every_type_is_known_to_have_a_name_or_none", (), PROD, "AWS::SNS::Topic", turn_into("AWS::Neptune::DBCluster")),
    (
        "every_physical_name_carries_the_suffix_and_fits",
        ("AWS::SQS::Queue",),
        BRANCH,
        "AWS::SQS::Queue",
        put("Properties.QueueName", "payment-pr-1-undelivered"),
    ),
    (
        "every_physical_name_carries_the_suffix_and_fits",
        ("AWS::IAM::Role",),
        BRANCH,
        "AWS::IAM::Role",
        put("Properties.RoleName", f"payment-{BRANCH}-{'x' * 64}"),
    ),
    ("every_taggable_resource_carries_the_cost_tags", (), PROD, "AWS::SQS::Queue", put("Properties.Tags", [])),
    (
        "everything_is_encrypted_with_a_customers_key",
        ("AWS::SNS::Topic", "KmsMasterKeyId"),
        BRANCH,
        "AWS::SNS::Topic",
        put("Properties.KmsMasterKeyId", "alias/aws/sns"),
    ),
    (
        "tables_are_encrypted_with_a_customers_key",
        (),
        PROD,
        "AWS::DynamoDB::Table",
        put("Properties.SSESpecification.SSEEnabled", False),
    ),
    (
        "buckets_are_encrypted",
        (),
        PROD,
        "AWS::S3::Bucket",
        put(
            "Properties.BucketEncryption.ServerSideEncryptionConfiguration.0.ServerSideEncryptionByDefault",
            {"SSEAlgorithm": "aws:kms:dsse", "KMSMasterKeyID": ""},
        ),
    ),
    ("symmetric_keys_rotate", (), PROD, "AWS::KMS::Key", put("Properties.EnableKeyRotation", False)),
    (
        "buckets_are_versioned_private_and_expire_after_the_archive",
        (),
        BRANCH,
        "AWS::S3::Bucket",
        put("Properties.PublicAccessBlockConfiguration.BlockPublicPolicy", False),
    ),
    (
        "buckets_topics_and_queues_refuse_plain_connections",
        (),
        PROD,
        "AWS::SQS::QueuePolicy",
        put("Properties.PolicyDocument.Statement", []),
    ),
    (
        "tables_can_be_recovered_to_any_second",
        (),
        BRANCH,
        "AWS::DynamoDB::Table",
        put("Properties.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled", False),
    ),
    (
        "the_database_is_encrypted_private_and_keeps_backups",
        (),
        PROD,
        "AWS::RDS::DBInstance",
        put("Properties.PubliclyAccessible", True),
    ),
    (
        "the_database_accepts_tls_only",
        (),
        PROD,
        "AWS::RDS::DBClusterParameterGroup",
        put("Properties.Parameters", {"rds.force_ssl": "0"}),
    ),
    ("the_database_has_a_writer_and_readers", (), PROD, "AWS::RDS::DBInstance", turn_into("AWS::KMS::Key")),
    (
        "functions_have_a_reservation_a_log_group_traces_and_a_place_in_the_vpc",
        (),
        PROD,
        "AWS::Lambda::Function",
        put("Properties.ReservedConcurrentExecutions", 0),
    ),
    (
        "the_librarys_functions_write_to_our_log_groups",
        (),
        BRANCH,
        "library function",
        put("Properties.LoggingConfig", {"LogGroup": {"Ref": "Elsewhere"}}),
    ),
    (
        "each_function_has_a_role_of_its_own",
        (),
        PROD,
        "AWS::Lambda::Function",
        put("Properties.Role", {"Fn::GetAtt": ["AuditRole362A2808", "Arn"]}),
    ),
    (
        "no_identity_may_use_wildcard_actions",
        (),
        BRANCH,
        "AWS::IAM::ManagedPolicy",
        add("Properties.PolicyDocument.Statement", {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}),
    ),
    (
        "resource_policies_allow_wildcard_actions_to_the_owner_of_a_key_only",
        (),
        PROD,
        "AWS::KMS::Key",
        add("Properties.KeyPolicy.Statement", EVERYBODY | {"Action": "kms:*"}),
    ),
    (
        "no_resource_policy_lets_everybody_in",
        (),
        PROD,
        "AWS::KMS::Key",
        add("Properties.KeyPolicy.Statement", EVERYBODY),
    ),
    (
        "functions_may_be_invoked_by_services_on_behalf_of_this_account_only",
        (),
        PROD,
        "AWS::Lambda::Permission",
        put("Properties.SourceAccount", "999999999999"),
    ),
    (
        "nothing_can_be_reached_from_outside",
        (),
        BRANCH,
        "AWS::EC2::SecurityGroup",
        put("Properties.SecurityGroupIngress", [ADDRESSES]),
    ),
    (
        "the_load_balancer_is_private_and_speaks_modern_tls",
        (),
        PROD,
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        put("Properties.Scheme", "internet-facing"),
    ),
    ("log_groups_end_and_go_with_their_stack", (), BRANCH, "AWS::Logs::LogGroup", put("DeletionPolicy", "Retain")),
    (
        "everything_goes_with_its_stack_unless_the_environment_keeps_data",
        (),
        BRANCH,
        "AWS::DynamoDB::Table",
        put("DeletionPolicy", "RetainExceptOnCreate"),
    ),
    (
        "buckets_that_go_are_emptied_first",
        (),
        BRANCH,
        "Custom::S3AutoDeleteObjects",
        turn_into("Custom::VpcRestrictDefaultSG"),
    ),
    (
        "secrets_are_referenced_and_never_created",
        (),
        PROD,
        "AWS::RDS::DBCluster",
        put("Properties.MasterUserPassword", "correct horse battery staple"),
    ),
    (
        "secrets_are_referenced_and_never_created",
        (),
        PROD,
        "AWS::SSM::Parameter",
        turn_into("AWS::SecretsManager::Secret"),
    ),
    (
        "the_rotation_waits_for_its_day",
        (),
        PROD,
        "AWS::SecretsManager::RotationSchedule",
        put("Properties.RotateImmediatelyOnUpdate", True),
    ),
    (
        "the_release_state_is_no_resource",
        (),
        PROD,
        "AWS::SSM::Parameter",
        put("Properties.Name", "/payment/prod/release/state"),
    ),
    (
        "no_template_needs_an_account_to_be_asked",
        (),
        PROD,
        "AWS::IAM::Role",
        put("Properties.Description", f"Of {ENVIRONMENTS[0].account}"),
    ),
    (
        "each_vpc_has_nine_subnets_in_three_zones_and_a_flow_log",
        (),
        PROD,
        "AWS::EC2::FlowLog",
        put("Properties.TrafficType", "REJECT"),
    ),
    (
        "without_nat_gateways_functions_and_private_subnets_alone_speak_ipv6",
        (),
        BRANCH,
        "AWS::Lambda::Function",
        put("Properties.VpcConfig.Ipv6AllowedForDualStack", False),
    ),
    (
        "the_api_waits_longer_than_the_functions_behind_it",
        (),
        PROD,
        "AWS::ApiGateway::Method",
        put("Properties.Integration.TimeoutInMillis", 8000),
    ),
    (
        "audit_records_are_locked_where_the_data_says_so",
        (),
        PROD,
        "locked bucket",
        put("Properties.ObjectLockConfiguration.Rule.DefaultRetention.Mode", "GOVERNANCE"),
    ),
]


def is_meant(logical_id: str, definition: dict[str, Any], type_: str) -> bool:
    library = invariants.LIBRARY_FUNCTION in logical_id
    if type_ == "library function":
        return library and definition["Type"] == "AWS::Lambda::Function"
    if type_ == "locked bucket":
        return "ObjectLockConfiguration" in definition.get("Properties", {})
    return definition["Type"] == type_ and not library


def planted(synthesis: Synthesis, suffix: str, type_: str, change: Change) -> Synthesis:
    """The same templates with the first such resource of one environment changed."""
    templates = copy.deepcopy(dict(synthesis.templates[suffix]))
    definition = next(
        definition
        for template in templates.values()
        for logical_id, definition in template["Resources"].items()
        if is_meant(logical_id, definition, type_)
    )
    change(definition)
    return replace(synthesis, templates={**synthesis.templates, suffix: templates})


@pytest.mark.parametrize(
    ("name", "arguments", "suffix", "type_", "change"), PLANTS, ids=[f"{plant[0]}-{plant[3]}" for plant in PLANTS]
)
def test_a_planted_violation_fails(
    synthesis: Synthesis, name: str, arguments: tuple[Any, ...], suffix: str, type_: str, change: Change
) -> None:
    invariant = getattr(invariants, f"test_{name}")
    invariant(synthesis, *arguments)
    with pytest.raises(AssertionError):
        invariant(planted(synthesis, suffix, type_, change), *arguments)


def test_every_invariant_has_a_planted_violation() -> None:
    held = {name.removeprefix("test_") for name, _ in inspect.getmembers(invariants, inspect.isfunction)}
    held = {name for name in held if hasattr(invariants, f"test_{name}")}
    assert held == {name for name, *_ in PLANTS}
