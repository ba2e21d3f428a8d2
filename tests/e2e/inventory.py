"""Everything that there is in an account, of the kinds that an environment makes, by name or id."""

from __future__ import annotations

from typing import Any

import boto3

Inventory = dict[str, set[str]]


def inventory(session: boto3.Session) -> Inventory:
    """Keys that wait for their end count as gone."""
    client = session.client

    def listed(service: str, operation: str, key: str, name: str, **arguments: Any) -> set[str]:
        pages = client(service).get_paginator(operation).paginate(**arguments)  # type: ignore[call-overload]
        return {item[name] if name else item for page in pages for item in page[key]}

    keys = listed("kms", "list_keys", "Keys", "KeyId")
    described = [client("kms").describe_key(KeyId=key)["KeyMetadata"] for key in keys]
    return {
        "alarms": listed("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
        "APIs": listed("apigateway", "get_rest_apis", "items", "name"),
        "buckets": {bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]},
        "clusters": listed("rds", "describe_db_clusters", "DBClusters", "DBClusterIdentifier"),
        "dashboards": listed("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
        "event sources": listed("lambda", "list_event_source_mappings", "EventSourceMappings", "UUID"),
        "functions": listed("lambda", "list_functions", "Functions", "FunctionName"),
        "keys": {key["KeyId"] for key in described if key["KeyState"] != "PendingDeletion"},
        "load balancers": listed("elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerName"),
        "log groups": listed("logs", "describe_log_groups", "logGroups", "logGroupName"),
        "parameters": listed("ssm", "describe_parameters", "Parameters", "Name"),
        "policies": listed("iam", "list_policies", "Policies", "PolicyName", Scope="Local"),
        "queues": set(client("sqs").list_queues().get("QueueUrls", [])),
        "roles": listed("iam", "list_roles", "Roles", "RoleName"),
        "rules": {rule["Name"] for rule in client("events").list_rules()["Rules"]},
        "secrets": listed("secretsmanager", "list_secrets", "SecretList", "Name"),
        "stacks": {stack["StackName"] for stack in client("cloudformation").describe_stacks()["Stacks"]},
        "subnets": listed("ec2", "describe_subnets", "Subnets", "SubnetId"),
        "tables": listed("dynamodb", "list_tables", "TableNames", ""),
        "target groups": listed("elbv2", "describe_target_groups", "TargetGroups", "TargetGroupName"),
        "topics": listed("sns", "list_topics", "Topics", "TopicArn"),
        "vpcs": listed("ec2", "describe_vpcs", "Vpcs", "VpcId"),
        "web ACLs": {acl["Name"] for acl in client("wafv2").list_web_acls(Scope="REGIONAL")["WebACLs"]},
    }


def difference(before: Inventory, after: Inventory) -> dict[str, dict[str, list[str]]]:
    """What came and what went, by kind; empty when nothing did."""
    changes = {
        kind: {"came": sorted(after[kind] - before[kind]), "went": sorted(before[kind] - after[kind])} for kind in after
    }
    return {kind: change for kind, change in changes.items() if any(change.values())}
