"""Requirements 10.7 and 12: failing controls are noticed, people know what to do, data can be brought back."""

from typing import Any, Final

from pipeline.compliance.estate import Resource, as_list
from pipeline.compliance.rule import Evidence, Rule, at_least, companion, demand, in_cardholder_data, is_true

INVENTORY_TAGS: Final = frozenset({"Project", "Environment", "Owner", "CostCenter"})


def _alarms_on(metric: str) -> Any:
    """An alarm on this metric of the subject tells somebody."""

    def refers(subject: Resource, alarm: Resource) -> bool:
        return (
            alarm.at("MetricName") == metric
            and bool(as_list(alarm.at("AlarmActions")))
            and subject.is_named_by(alarm, "Dimensions")
        )

    return companion(["AWS::CloudWatch::Alarm"], refers)


def _says_what_to_do(resource: Resource) -> list[Evidence]:
    description = str(resource.at("AlarmDescription"))
    _, _, page = description.rpartition("https://")
    return [
        Evidence(
            path="Properties.AlarmDescription",
            value=f"https://{page}",
            holds="/runbooks/" in page and page.endswith(".md"),
        )
    ]


def _tells_somebody(resource: Resource) -> list[Evidence]:
    actions = as_list(resource.at("AlarmActions"))
    return [Evidence(path="Properties.AlarmActions", value=actions or "nobody", holds=bool(actions))]


def _is_tagged(resource: Resource) -> list[Evidence]:
    missing = sorted(INVENTORY_TAGS - resource.tags().keys())
    return [Evidence(path="Properties.Tags", value=missing or sorted(INVENTORY_TAGS), holds=not missing)]


RULES: Final = (
    Rule(
        id="FailuresWakeSomebody",
        requirement="10.7.2",
        control="What could not be recorded or delivered ends in a queue, and a message there tells somebody",
        types=["AWS::SQS::Queue"],
        check=_alarms_on("ApproximateNumberOfMessagesVisible"),
    ),
    Rule(
        id="AlarmsTellSomebody",
        requirement="10.7.2",
        control="Every alarm has a receiver",
        types=["AWS::CloudWatch::Alarm"],
        check=_tells_somebody,
    ),
    Rule(
        id="UnwrittenRecordsAreKept",
        requirement="10.7.3",
        control="What an event source cannot deliver is kept for a person and not dropped",
        types=["AWS::Lambda::EventSourceMapping"],
        check=demand("DestinationConfig.OnFailure.Destination", bool),
    ),
    Rule(
        id="InventoryIsTagged",
        requirement="12.5.1",
        control="Every component says which system and environment it belongs to and who owns it",
        types=[
            "AWS::ApiGateway::RestApi",
            "AWS::DynamoDB::Table",
            "AWS::EC2::VPC",
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            "AWS::IAM::Role",
            "AWS::KMS::Key",
            "AWS::Lambda::Function",
            "AWS::RDS::DBCluster",
            "AWS::RDS::DBInstance",
            "AWS::S3::Bucket",
            "AWS::SNS::Topic",
            "AWS::SQS::Queue",
        ],
        applies=lambda resource: "CustomResourceProvider" not in resource.logical_id,
        check=_is_tagged,
    ),
    Rule(
        id="TablesCanBeRestored",
        requirement="12.10.1",
        control="A table can be restored to any second of the last 35 days",
        types=["AWS::DynamoDB::Table"],
        check=demand("PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled", is_true),
    ),
    Rule(
        id="DatabaseCanBeRestored",
        requirement="12.10.1",
        control="Where real cards are processed the database can be restored to any second of the last 35 days",
        types=["AWS::RDS::DBCluster"],
        applies=in_cardholder_data,
        check=demand("BackupRetentionPeriod", at_least(35)),
    ),
    Rule(
        id="DataIsNotDeletedByMistake",
        requirement="12.10.1",
        control="Where real cards are processed neither table nor database can be deleted before that is allowed",
        types=["AWS::RDS::DBCluster", "AWS::DynamoDB::Table"],
        applies=in_cardholder_data,
        check=lambda resource: demand(
            "DeletionProtection" if resource.type == "AWS::RDS::DBCluster" else "DeletionProtectionEnabled", is_true
        )(resource),
    ),
    Rule(
        id="AlarmsSayWhatToDo",
        requirement="12.10.5",
        control="Every alarm names the page that says how to respond",
        types=["AWS::CloudWatch::Alarm"],
        check=_says_what_to_do,
    ),
)
