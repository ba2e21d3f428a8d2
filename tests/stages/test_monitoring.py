"""What wakes people, and what they look at then."""

import json
from typing import Any

import pytest

from release.names import FUNCTIONS, ROUTED, Colour
from tests.stages.templates import ENVIRONMENTS, Resource, Synthesis, texts

SUFFIX = "dev"


@pytest.fixture
def alarms(synthesis: Synthesis) -> dict[str, Resource]:
    return {
        alarm.properties["AlarmName"].removeprefix(f"payment-{SUFFIX}-"): alarm
        for alarm in synthesis.resources("AWS::CloudWatch::Alarm")
        if alarm.environment.suffix == SUFFIX
    }


def dimensions(alarm: Resource) -> dict[str, Any]:
    return {dimension["Name"]: dimension["Value"] for dimension in alarm.properties["Dimensions"]}


def test_latency_errors_and_the_database_have_alarms(alarms: dict[str, Resource]) -> None:
    per_colour = {
        f"{name}-{colour}-{what}" for name in FUNCTIONS for colour in Colour for what in ("latency-p99", "errors")
    }
    faults = {f"{name}-{colour}-faults" for name in ROUTED for colour in Colour}
    api = {"api-latency-p99", "api-errors"}
    database = {"database-cpu", "database-connections", "database-replica-lag"}
    assert alarms.keys() == per_colour | faults | api | database


def test_latency_is_measured_at_the_ninety_ninth_percentile(alarms: dict[str, Resource]) -> None:
    for name, alarm in alarms.items():
        if name.endswith("latency-p99"):
            assert alarm.properties["ExtendedStatistic"] == "p99"


def test_api_alarms_look_at_live_traffic_only(alarms: dict[str, Resource]) -> None:
    for name in ("api-latency-p99", "api-errors"):
        assert any("live" in text for text in texts(dimensions(alarms[name])["Stage"]))


def test_function_alarms_look_at_one_colour(alarms: dict[str, Resource]) -> None:
    for name, alarm in alarms.items():
        function, _, rest = name.partition("-")
        colour = rest.partition("-")[0]
        if colour not in set(Colour):
            continue
        if name.endswith("faults"):
            assert dimensions(alarm) == {"service": function, "Environment": SUFFIX, "Colour": colour}
            assert alarm.properties["Namespace"] == "Payment"
            assert alarm.properties["Period"] == 10
        else:
            (resource,) = [text for text in texts(dimensions(alarm)["Resource"]) if text.endswith(f":{colour}")] or [""]
            assert resource, f"{name} does not name its alias"


def test_alarms_tell_the_alerts_topic_when_they_go_off_and_when_they_recover(synthesis: Synthesis) -> None:
    found = list(synthesis.resources("AWS::CloudWatch::Alarm"))
    assert {alarm.environment.suffix for alarm in found} == {environment.suffix for environment in ENVIRONMENTS}
    for alarm in found:
        for kind in ("AlarmActions", "OKActions"):
            (action,) = alarm.properties[kind]
            assert any("Alerts" in text for text in texts(action)), str(alarm)
        assert alarm.properties["AlarmDescription"], str(alarm)


def test_alarms_topics_accept_cloudwatch_of_this_account(synthesis: Synthesis) -> None:
    for policy in synthesis.resources("AWS::SNS::TopicPolicy"):
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Allow":
                assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
                assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": policy.environment.account}


def test_the_dashboard_shows_api_colours_outcomes_and_database(synthesis: Synthesis) -> None:
    dashboards = list(synthesis.resources("AWS::CloudWatch::Dashboard"))
    assert len(dashboards) == len(ENVIRONMENTS)
    for dashboard in dashboards:
        body = json.dumps(dashboard.properties["DashboardBody"])
        for shown in ("p50", "p90", "p99", "Faults", "Outcomes", "DatabaseConnections", "AuroraReplicaLagMaximum"):
            assert shown in body, f"{dashboard}: {shown}"
