"""What has to hold for every resource of every environment."""

from collections.abc import Callable
from typing import Any

import pytest

from release import names
from stages.configuration import COST_TAGS
from tests.stages.templates import ENVIRONMENTS, Resource, Synthesis, as_list, mentions, statements, texts

ALL_FUNCTIONS = (*names.FUNCTIONS, *names.UNCOLOURED_FUNCTIONS)
# The library's own functions for its custom resources: they run while a stack deploys and never for a payment.
LIBRARY_FUNCTION = "CustomResourceProvider"

NAME_PROPERTIES = {
    "AWS::ApiGateway::RestApi": ("Name", 255),
    "AWS::ApiGatewayV2::VpcLink": ("Name", 128),
    "AWS::CloudWatch::Alarm": ("AlarmName", 255),
    "AWS::CloudWatch::Dashboard": ("DashboardName", 255),
    "AWS::DynamoDB::Table": ("TableName", 255),
    "AWS::EC2::SecurityGroup": ("GroupName", 255),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": ("Name", 32),
    "AWS::Events::Rule": ("Name", 64),
    "AWS::ElasticLoadBalancingV2::TargetGroup": ("Name", 32),
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName", 128),
    "AWS::IAM::Role": ("RoleName", 64),
    "AWS::KMS::Alias": ("AliasName", 256),
    "AWS::Lambda::Function": ("FunctionName", 64),
    "AWS::Lambda::LayerVersion": ("LayerName", 140),
    "AWS::Logs::LogGroup": ("LogGroupName", 512),
    "AWS::RDS::DBCluster": ("DBClusterIdentifier", 63),
    "AWS::RDS::DBClusterParameterGroup": ("DBClusterParameterGroupName", 255),
    "AWS::RDS::DBInstance": ("DBInstanceIdentifier", 63),
    "AWS::RDS::DBSubnetGroup": ("DBSubnetGroupName", 255),
    "AWS::S3::Bucket": ("BucketName", 63),
    "AWS::SNS::Topic": ("TopicName", 256),
    "AWS::SQS::Queue": ("QueueName", 80),
    "AWS::SSM::Parameter": ("Name", 1011),
    "AWS::WAFv2::WebACL": ("Name", 128),
}
# Types whose resources have no name of their own within an account.
NAMELESS = {
    "AWS::ApiGateway::Deployment",
    "AWS::ApiGateway::GatewayResponse",
    "AWS::ApiGateway::Method",
    "AWS::ApiGateway::Model",
    "AWS::ApiGateway::RequestValidator",
    "AWS::ApiGateway::Resource",
    "AWS::ApiGateway::Stage",
    "AWS::EC2::EIP",
    "AWS::EC2::EgressOnlyInternetGateway",
    "AWS::EC2::FlowLog",
    "AWS::EC2::InternetGateway",
    "AWS::EC2::NatGateway",
    "AWS::EC2::Route",
    "AWS::EC2::RouteTable",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::EC2::Subnet",
    "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::EC2::VPC",
    "AWS::EC2::VPCCidrBlock",
    "AWS::EC2::VPCEndpoint",
    "AWS::EC2::VPCGatewayAttachment",
    "AWS::ElasticLoadBalancingV2::Listener",
    "AWS::ElasticLoadBalancingV2::ListenerRule",
    "AWS::KMS::Key",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Version",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::SecretsManager::RotationSchedule",
    "AWS::WAFv2::LoggingConfiguration",
    "AWS::WAFv2::WebACLAssociation",
    "Custom::S3AutoDeleteObjects",
    "Custom::VpcRestrictDefaultSG",
}
TAGGED = (
    "AWS::ApiGateway::RestApi",
    "AWS::ApiGateway::Stage",
    "AWS::CloudWatch::Alarm",
    "AWS::DynamoDB::Table",
    "AWS::EC2::FlowLog",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::Subnet",
    "AWS::EC2::VPC",
    "AWS::EC2::VPCEndpoint",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::ElasticLoadBalancingV2::TargetGroup",
    "AWS::IAM::Role",
    "AWS::KMS::Key",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBClusterParameterGroup",
    "AWS::RDS::DBInstance",
    "AWS::RDS::DBSubnetGroup",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::SSM::Parameter",
    "AWS::WAFv2::WebACL",
)


def is_library_function(resource: Resource) -> bool:
    return LIBRARY_FUNCTION in resource.logical_id


def broken(synthesis: Synthesis, types: tuple[str, ...], holds: Callable[[Resource], bool]) -> list[str]:
    """The resources of these types for which `holds` is false. Fails when there are none to look at."""
    found = [resource for resource in synthesis.resources(*types) if not is_library_function(resource)]
    missing = {(environment.suffix, type_) for environment in ENVIRONMENTS for type_ in types} - {
        (resource.environment.suffix, resource.type) for resource in found
    }
    assert not missing, f"nothing to look at: {sorted(missing)}"
    return [str(resource) for resource in found if not holds(resource)]


def test_every_type_is_known_to_have_a_name_or_none(synthesis: Synthesis) -> None:
    unknown = {resource.type for resource in synthesis.resources()} - NAME_PROPERTIES.keys() - NAMELESS
    assert not unknown, "decide whether it has a physical name, and whether it can be tagged"


@pytest.mark.parametrize("type_", NAME_PROPERTIES)
def test_every_physical_name_carries_the_suffix_and_fits(synthesis: Synthesis, type_: str) -> None:
    name_property, limit = NAME_PROPERTIES[type_]

    def holds(resource: Resource) -> bool:
        name = resource.properties.get(name_property)
        suffix = resource.environment.suffix
        separated = isinstance(name, str) and f"-{suffix}-" in f"{name.replace('/', '-')}-"
        return separated and len(str(name)) <= limit

    assert broken(synthesis, (type_,), holds) == []


def test_every_taggable_resource_carries_the_cost_tags(synthesis: Synthesis) -> None:
    def holds(resource: Resource) -> bool:
        tags = resource.properties.get("Tags", [])
        pairs = tags if isinstance(tags, dict) else {tag["Key"]: tag["Value"] for tag in tags}
        return {key: pairs.get(key) for key in COST_TAGS} == dict(resource.environment.tags)

    assert broken(synthesis, TAGGED, holds) == []
    of_some = synthesis.resources("AWS::EC2::EIP", "AWS::EC2::NatGateway", "AWS::EC2::EgressOnlyInternetGateway")
    assert [str(resource) for resource in of_some if not holds(resource)] == []


@pytest.mark.parametrize(
    ("type_", "key_property"),
    [
        ("AWS::Logs::LogGroup", "KmsKeyId"),
        ("AWS::SNS::Topic", "KmsMasterKeyId"),
        ("AWS::RDS::DBCluster", "KmsKeyId"),
        ("AWS::RDS::DBInstance", "PerformanceInsightsKMSKeyId"),
        ("AWS::Lambda::Function", "KmsKeyArn"),
        ("AWS::SQS::Queue", "KmsMasterKeyId"),
    ],
)
def test_everything_is_encrypted_with_a_customers_key(synthesis: Synthesis, type_: str, key_property: str) -> None:
    def holds(resource: Resource) -> bool:
        key = resource.properties.get(key_property)
        # A customer's key is never a literal: aliases of AWS's own keys would be.
        return isinstance(key, dict) and mentions(key, r"Key[0-9A-F]{8}")

    assert broken(synthesis, (type_,), holds) == []


def test_tables_are_encrypted_with_a_customers_key(synthesis: Synthesis) -> None:
    def holds(resource: Resource) -> bool:
        encryption = resource.properties["SSESpecification"]
        return encryption["SSEEnabled"] is True and mentions(encryption["KMSMasterKeyId"], "DataKey")

    assert broken(synthesis, ("AWS::DynamoDB::Table",), holds) == []


def test_buckets_are_encrypted(synthesis: Synthesis) -> None:
    def holds(resource: Resource) -> bool:
        (rule,) = resource.properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        default = rule["ServerSideEncryptionByDefault"]
        if "access-logs" in resource.properties["BucketName"]:
            return bool(default["SSEAlgorithm"] == "AES256")
        return default["SSEAlgorithm"] == "aws:kms" and mentions(default["KMSMasterKeyID"], "AuditKey")

    assert broken(synthesis, ("AWS::S3::Bucket",), holds) == []


def test_symmetric_keys_rotate(synthesis: Synthesis) -> None:
    def holds(resource: Resource) -> bool:
        if resource.properties.get("KeySpec") == "HMAC_256":
            return resource.logical_id.startswith("FingerprintKey")
        return bool(resource.properties["EnableKeyRotation"])

    assert broken(synthesis, ("AWS::KMS::Key",), holds) == []


def test_buckets_are_versioned_private_and_expire_after_the_archive(synthesis: Synthesis) -> None:
    def holds(resource: Resource) -> bool:
        properties = resource.properties
        (rule,) = properties["LifecycleConfiguration"]["Rules"]
        (transition,) = rule["Transitions"]
        return (
            properties["VersioningConfiguration"]["Status"] == "Enabled"
            and len(properties["PublicAccessBlockConfiguration"]) == 4
            and all(properties["PublicAccessBlockConfiguration"].values())
            and rule["Status"] == "Enabled"
            and transition == {"StorageClass": "GLACIER_IR", "TransitionInDays": 90}
            and rule["ExpirationInDays"] >= 400
            and rule["NoncurrentVersionExpiration"]["NoncurrentDays"] >= 400
        )

    assert broken(synthesis, ("AWS::S3::Bucket",), holds) == []


def test_buckets_topics_and_queues_refuse_plain_connections(synthesis: Synthesis) -> None:
    def holds(resource: Resource) -> bool:
        return any(
            statement["Effect"] == "Deny"
            and statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport") == "false"
            for statement in statements(resource)
        )

    types = ("AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy")
    assert broken(synthesis, types, holds) == []


def test_tables_can_be_recovered_to_any_second(synthesis: Synthesis) -> None:
    def holds(resource: Resource) -> bool:
        return bool(resource.properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"])

    assert broken(synthesis, ("AWS::DynamoDB::Table",), holds) == []


def test_the_database_is_encrypted_private_and_keeps_backups(synthesis: Synthesis) -> None:
    def holds(resource: Resource) -> bool:
        config = resource.environment.database
        if resource.type == "AWS::RDS::DBInstance":
            return (
                resource.properties["PubliclyAccessible"] is False
                and resource.properties["AutoMinorVersionUpgrade"] is True
            )
        return (
            resource.properties["StorageEncrypted"] is True
            and resource.properties["BackupRetentionPeriod"] == config.backup_days
            and resource.properties["DeletionProtection"] is config.deletion_protection
            and resource.properties["EnableIAMDatabaseAuthentication"] is True
            and resource.properties["EnableCloudwatchLogsExports"] == ["postgresql"]
        )

    assert broken(synthesis, ("AWS::RDS::DBCluster", "AWS::RDS::DBInstance"), holds) == []


def test_the_database_accepts_tls_only(synthesis: Synthesis) -> None:
    def holds(resource: Resource) -> bool:
        return bool(resource.properties["Parameters"]["rds.force_ssl"] == "1")

    assert broken(synthesis, ("AWS::RDS::DBClusterParameterGroup",), holds) == []


def test_the_database_has_a_writer_and_readers(synthesis: Synthesis) -> None:
    for environment in ENVIRONMENTS:
        instances = [
            resource for resource in synthesis.resources("AWS::RDS::DBInstance") if resource.environment == environment
        ]
        assert len(instances) == 1 + environment.database.readers >= 2


def test_functions_have_a_reservation_a_log_group_traces_and_a_place_in_the_vpc(synthesis: Synthesis) -> None:
    def holds(resource: Resource) -> bool:
        properties = resource.properties
        name = properties["FunctionName"].removeprefix(f"{names.prefix(resource.environment.suffix)}-")
        config = resource.environment.compute.functions[name]
        return (
            properties["ReservedConcurrentExecutions"] == config.reserved_concurrency
            and properties["MemorySize"] == config.memory_mib
            and "LogGroup" in properties["LoggingConfig"]
            and properties["TracingConfig"]["Mode"] == "Active"
            and len(properties["VpcConfig"]["SubnetIds"]) == 3
            and properties["Architectures"] == ["arm64"]
        )

    assert broken(synthesis, ("AWS::Lambda::Function",), holds) == []


def test_the_librarys_functions_write_to_our_log_groups(synthesis: Synthesis) -> None:
    """Where Lambda makes a log group by itself, it has no key and no end, and stays when the stack goes."""
    found = [r for r in synthesis.resources("AWS::Lambda::Function") if is_library_function(r)]
    assert found
    for function in found:
        groups = {
            resource.logical_id
            for resource in synthesis.resources("AWS::Logs::LogGroup")
            if (resource.environment, resource.layer) == (function.environment, function.layer)
        }
        assert function.properties["LoggingConfig"]["LogGroup"]["Ref"] in groups, str(function)


def test_each_function_has_a_role_of_its_own(synthesis: Synthesis) -> None:
    functions = [r for r in synthesis.resources("AWS::Lambda::Function") if not is_library_function(r)]
    roles = [(function.environment.suffix, str(function.properties["Role"])) for function in functions]
    assert len(set(roles)) == len(functions) == len(ALL_FUNCTIONS) * len(ENVIRONMENTS)


def test_no_identity_may_use_wildcard_actions(synthesis: Synthesis) -> None:
    def holds(resource: Resource) -> bool:
        return not any(
            "*" in action for statement in statements(resource) for action in as_list(statement.get("Action", []))
        ) and not any("NotAction" in statement for statement in statements(resource))

    assert broken(synthesis, ("AWS::IAM::ManagedPolicy", "AWS::IAM::Role"), holds) == []


def test_resource_policies_allow_wildcard_actions_to_the_owner_of_a_key_only(synthesis: Synthesis) -> None:
    """A key without its account's root cannot be managed by anyone; and the library's function that empties buckets
    before they are deleted comes with the library's wildcards."""

    def holds(resource: Resource) -> bool:
        return not any(
            statement["Effect"] == "Allow"
            and any("*" in action for action in as_list(statement["Action"]))
            and not mentions(statement["Principal"], ":root$")
            and not mentions(statement["Principal"], "AutoDeleteObjects")
            for statement in statements(resource)
        )

    types = ("AWS::KMS::Key", "AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy", "AWS::ApiGateway::RestApi")
    assert broken(synthesis, types, holds) == []


def test_no_resource_policy_lets_everybody_in(synthesis: Synthesis) -> None:
    """An Allow to any principal needs a condition that names this account."""

    def holds(resource: Resource) -> bool:
        return not any(
            statement["Effect"] == "Allow"
            and statement["Principal"] in ("*", {"AWS": "*"})
            and statement.get("Condition", {}).get("StringEquals", {}).get("kms:CallerAccount")
            != resource.environment.account
            for statement in statements(resource)
        )

    types = ("AWS::KMS::Key", "AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy", "AWS::ApiGateway::RestApi")
    assert broken(synthesis, types, holds) == []


def test_functions_may_be_invoked_by_services_on_behalf_of_this_account_only(synthesis: Synthesis) -> None:
    def holds(resource: Resource) -> bool:
        return bool(resource.properties["SourceAccount"] == resource.environment.account)

    assert broken(synthesis, ("AWS::Lambda::Permission",), holds) == []


def test_nothing_can_be_reached_from_outside(synthesis: Synthesis) -> None:
    """Rules that let traffic in name a security group, never an address range."""

    def holds(resource: Resource) -> bool:
        if resource.type == "AWS::EC2::SecurityGroup":
            return "SecurityGroupIngress" not in resource.properties
        return "SourceSecurityGroupId" in resource.properties and not mentions(resource.properties, r"/0$")

    assert broken(synthesis, ("AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupIngress"), holds) == []


def test_the_load_balancer_is_private_and_speaks_modern_tls(synthesis: Synthesis) -> None:
    def holds(resource: Resource) -> bool:
        if resource.type == "AWS::ElasticLoadBalancingV2::LoadBalancer":
            return bool(resource.properties["Scheme"] == "internal")
        return resource.properties["Protocol"] == "HTTPS" and "TLS13-1-2" in resource.properties["SslPolicy"]

    types = ("AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::ElasticLoadBalancingV2::Listener")
    assert broken(synthesis, types, holds) == []


def test_log_groups_end_and_go_with_their_stack(synthesis: Synthesis) -> None:
    def holds(resource: Resource) -> bool:
        kept = int(resource.properties["RetentionInDays"])
        return kept >= 90 and bool(resource.definition["DeletionPolicy"] == "Delete")

    assert broken(synthesis, ("AWS::Logs::LogGroup",), holds) == []


def test_everything_goes_with_its_stack_unless_the_environment_keeps_data(synthesis: Synthesis) -> None:
    """A retained version or deployment goes with its function or API."""
    owned = {"AWS::Lambda::Version", "AWS::ApiGateway::Deployment"}
    keeping = {"AWS::RDS::DBCluster", "AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::KMS::Key"}
    kept = [
        resource
        for resource in synthesis.resources()
        if resource.definition.get("DeletionPolicy", "Delete") != "Delete" and resource.type not in owned
    ]
    assert {resource.environment.suffix for resource in kept} == {"prod"}
    assert {resource.type for resource in kept} == keeping
    assert {resource.definition["DeletionPolicy"] for resource in kept} == {"RetainExceptOnCreate"}


def test_buckets_that_go_are_emptied_first(synthesis: Synthesis) -> None:
    for environment in ENVIRONMENTS:
        emptied = [
            resource
            for resource in synthesis.resources("Custom::S3AutoDeleteObjects")
            if resource.environment == environment
        ]
        assert len(emptied) == (0 if environment.storage.keep_on_teardown else 2)


def test_secrets_are_referenced_and_never_created(synthesis: Synthesis) -> None:
    assert list(synthesis.resources("AWS::SecretsManager::Secret", "AWS::SecretsManager::SecretTargetAttachment")) == []

    def holds(resource: Resource) -> bool:
        password = resource.properties["MasterUserPassword"]
        return bool(password.startswith("{{resolve:secretsmanager:payment/"))

    assert broken(synthesis, ("AWS::RDS::DBCluster",), holds) == []


def test_the_rotation_waits_for_its_day(synthesis: Synthesis) -> None:
    def holds(resource: Resource) -> bool:
        properties = resource.properties
        return (
            properties["SecretId"] == names.database_app_secret(resource.environment.suffix)
            and properties["RotateImmediatelyOnUpdate"] is False
            and properties["RotationRules"] == {"AutomaticallyAfterDays": 30}
            and mentions(properties["RotationLambdaARN"], "Rotation")
        )

    assert broken(synthesis, ("AWS::SecretsManager::RotationSchedule",), holds) == []


def test_the_release_state_is_no_resource(synthesis: Synthesis) -> None:
    def holds(resource: Resource) -> bool:
        return bool(resource.properties["Name"].startswith(names.config_prefix(resource.environment.suffix) + "/"))

    assert broken(synthesis, ("AWS::SSM::Parameter",), holds) == []


def test_no_template_needs_an_account_to_be_asked(synthesis: Synthesis) -> None:
    """Zones are literal, and nothing of another environment is mentioned."""
    others = {environment.suffix: environment.account for environment in ENVIRONMENTS}
    for resource in synthesis.resources():
        foreign = set(others.values()) - {resource.environment.account}
        found: list[Any] = [text for text in texts(resource.definition) if any(account in text for account in foreign)]
        assert found == [], str(resource)


def test_each_vpc_has_nine_subnets_in_three_zones_and_a_flow_log(synthesis: Synthesis) -> None:
    for environment in ENVIRONMENTS:
        resources = [r for r in synthesis.resources() if r.environment == environment]
        subnets = [r for r in resources if r.type == "AWS::EC2::Subnet"]
        zones = sorted(str(subnet.properties["AvailabilityZone"]) for subnet in subnets)
        assert zones == sorted(["us-east-1a", "us-east-1b", "us-east-1c"] * 3)
        assert all(subnet.properties["MapPublicIpOnLaunch"] is False for subnet in subnets)
        gateways = [r for r in resources if r.type == "AWS::EC2::NatGateway"]
        assert len(gateways) == environment.network.nat_gateways
        out = [r for r in resources if r.properties.get("DestinationIpv6CidrBlock") == "::/0"]
        assert len(out) == (0 if gateways else 3)
        (flow_log,) = [r for r in resources if r.type == "AWS::EC2::FlowLog"]
        assert flow_log.properties["TrafficType"] == "ALL"
        assert mentions(flow_log.properties["ResourceId"], "Vpc")


def test_without_nat_gateways_functions_and_private_subnets_alone_speak_ipv6(synthesis: Synthesis) -> None:
    for environment in ENVIRONMENTS:
        resources = [r for r in synthesis.resources() if r.environment == environment]
        speaking = [r for r in resources if r.type == "AWS::EC2::Subnet" and "Ipv6CidrBlock" in r.properties]
        assert all("Private" in subnet.logical_id for subnet in speaking)
        assert all(any("Block" in name for name in subnet.definition["DependsOn"]) for subnet in speaking)
        functions = [r for r in resources if r.type == "AWS::Lambda::Function" and not is_library_function(r)]
        for function in functions:
            variables = function.properties["Environment"]["Variables"]
            dual = function.properties["VpcConfig"].get("Ipv6AllowedForDualStack", False)
            assert dual is ("AWS_USE_DUALSTACK_ENDPOINT" in variables) is environment.network.egress_over_ipv6
        assert len(speaking) == (3 if environment.network.egress_over_ipv6 else 0)


def test_the_api_waits_longer_than_the_functions_behind_it(synthesis: Synthesis) -> None:
    for environment in ENVIRONMENTS:
        resources = [r for r in synthesis.resources() if r.environment == environment]
        waits = [
            r.properties["Integration"]["TimeoutInMillis"] / 1000
            for r in resources
            if r.type == "AWS::ApiGateway::Method"
        ]
        limits = {
            name: next(
                r.properties["Timeout"]
                for r in resources
                if r.properties.get("FunctionName") == names.function(environment.suffix, name)
            )
            for name in names.FUNCTIONS
        }
        assert min(waits) > limits["validation"] >= limits["processing"] > limits["fraud"], environment.suffix


def test_audit_records_are_locked_where_the_data_says_so(synthesis: Synthesis) -> None:
    for environment in ENVIRONMENTS:
        locks = {
            resource.properties["BucketName"]: resource.properties["ObjectLockConfiguration"]["Rule"][
                "DefaultRetention"
            ]
            for resource in synthesis.resources("AWS::S3::Bucket")
            if resource.environment == environment and resource.properties.get("ObjectLockEnabled")
        }
        days = environment.storage.lock_days
        bucket = names.audit_bucket(environment.suffix, environment.account)
        assert locks == ({bucket: {"Mode": "COMPLIANCE", "Days": days}} if days else {})
