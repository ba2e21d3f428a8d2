"""Requirements 7 and 8: access by need to know, users and systems authenticated."""

import re
from typing import Final

from pipeline.compliance.estate import Resource, as_list
from pipeline.compliance.rule import Evidence, Rule, at_most, companion, demand, is_true, one_of

_SECRET_NAME: Final = re.compile(r"password|passwd|secret|token|api.?key|private.?key", re.IGNORECASE)
# What says where a secret is, not what it is.
_WHERE: Final = re.compile(r"(arn|name|id|seconds|path)$", re.IGNORECASE)
_DYNAMIC: Final = "{{resolve:secretsmanager:"


def _no_wildcard_actions(resource: Resource) -> list[Evidence]:
    """Of what is allowed: a Deny of all but some takes away, and grants nothing."""
    allowed = [statement for statement in resource.statements() if statement.get("Effect") == "Allow"]
    wide = [action for s in allowed for action in as_list(s.get("Action")) if "*" in str(action)]
    inverted = [key for s in allowed for key in ("NotAction", "NotResource") if key in s]
    found = wide + inverted
    path = "Properties.PolicyDocument" if resource.at("PolicyDocument") else "Properties.Policies"
    return [Evidence(path=path, value=found or "every action by name", holds=not found)]


def _role_of_its_own(resource: Resource) -> list[Evidence]:
    role = resource.at("Role")
    sharing = [
        other.logical_id
        for other in resource.estate.of("AWS::Lambda::Function")
        if other.stack == resource.stack and other.at("Role") == role and other.logical_id != resource.logical_id
    ]
    return [Evidence(path="Properties.Role", value=sharing or role, holds=role is not None and not sharing)]


def _nobody_else_comes_in(resource: Resource) -> list[Evidence]:
    """An Allow to everybody is narrowed to the account."""
    open_to = [
        str(statement.get("Sid"))
        for statement in resource.statements()
        if statement.get("Effect") == "Allow"
        and statement.get("Principal") in ("*", {"AWS": "*"})
        and resource.estate.account not in statement.get("Condition", {}).get("StringEquals", {}).values()
    ]
    return [Evidence(path="Properties", value=open_to or "this account", holds=not open_to)]


def _no_secret_in_the_environment(resource: Resource) -> list[Evidence]:
    variables = resource.at("Environment.Variables") or {}
    plain = [name for name in variables if _SECRET_NAME.search(name) and not _WHERE.search(name)]
    return [Evidence(path="Properties.Environment.Variables", value=plain or sorted(variables), holds=not plain)]


def _no_secret_in_the_parameter(resource: Resource) -> list[Evidence]:
    name = str(resource.at("Name"))
    plain = bool(_SECRET_NAME.search(name)) and not _WHERE.search(name)
    return [Evidence(path="Properties.Name", value=name, holds=not plain)]


def _is_the_clusters_secret(cluster: Resource, schedule: Resource) -> bool:
    """The application's secret lies beside the administrator's that the cluster is made with."""
    path = re.search(r"resolve:secretsmanager:(.*)/[^/:]+:", str(cluster.at("MasterUserPassword")))
    return bool(path) and str(schedule.at("SecretId")).startswith(f"{path and path.group(1)}/")


RULES: Final = (
    Rule(
        id="RoleOfItsOwn",
        requirement="7.2.5",
        control="Every function has a role that no other function has",
        types=["AWS::Lambda::Function"],
        check=_role_of_its_own,
    ),
    Rule(
        id="NoWildcardActions",
        requirement="7.2.5",
        control="Identities may do what is named, action by action",
        types=["AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::Role"],
        check=_no_wildcard_actions,
    ),
    Rule(
        id="ResourcesAreNotPublic",
        requirement="7.3.3",
        control="What has a policy of its own lets in nobody of another account unless it is named",
        types=[
            "AWS::KMS::Key",
            "AWS::S3::BucketPolicy",
            "AWS::SNS::TopicPolicy",
            "AWS::SQS::QueuePolicy",
            "AWS::ApiGateway::RestApi",
        ],
        check=_nobody_else_comes_in,
    ),
    Rule(
        id="CallersAreAuthenticated",
        requirement="8.3.1",
        control="Every request is signed with credentials that IAM issued",
        types=["AWS::ApiGateway::Method"],
        check=demand("AuthorizationType", one_of("AWS_IAM")),
    ),
    Rule(
        id="DatabasePasswordIsReferenced",
        requirement="8.6.2",
        control="No template holds a password: it is read from the secret when the stack is deployed",
        types=["AWS::RDS::DBCluster"],
        check=demand("MasterUserPassword", lambda value: str(value).startswith(_DYNAMIC)),
    ),
    Rule(
        id="FunctionsHoldNoSecret",
        requirement="8.6.2",
        control="No environment variable of a function is a credential",
        types=["AWS::Lambda::Function"],
        check=_no_secret_in_the_environment,
    ),
    Rule(
        id="ParametersHoldNoSecret",
        requirement="8.6.2",
        control="No configuration parameter is a credential",
        types=["AWS::SSM::Parameter"],
        check=_no_secret_in_the_parameter,
    ),
    Rule(
        id="CredentialsRotate",
        requirement="8.6.3",
        control="The password that the application logs on with is changed by a schedule",
        types=["AWS::RDS::DBCluster"],
        check=companion(["AWS::SecretsManager::RotationSchedule"], _is_the_clusters_secret),
    ),
    Rule(
        id="CredentialsRotateOften",
        requirement="8.6.3",
        control="Passwords of applications live ninety days at most",
        types=["AWS::SecretsManager::RotationSchedule"],
        check=demand("RotationRules.AutomaticallyAfterDays", at_most(90)),
    ),
    Rule(
        id="DatabaseKnowsIdentities",
        requirement="8.2.1",
        control="People reach the database with an identity of their own, by IAM, and share no user",
        types=["AWS::RDS::DBCluster"],
        check=demand("EnableIAMDatabaseAuthentication", is_true),
    ),
)
