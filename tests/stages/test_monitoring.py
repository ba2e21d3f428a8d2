"""What wakes people, and what they look at then."""

import json
import re
from typing import Any

import pytest

from pipeline.settings import SETTINGS
from release.names import FUNCTIONS, ROUTED, UNCOLOURED_FUNCTIONS, Colour
from release.plans import DISREGARDED, RELEASE_ALARM_SECONDS, plan_for
from stages.configuration import RUNBOOKS_URL
from tests.stages.templates import ENVIRONMENTS, ROOT, Resource, Synthesis, texts

SUFFIX = "dev"
COLOUR = re.compile("-(blue|green)-")


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
    releases = {f"{name}-{colour}-release-{what}" for name in ROUTED for colour in Colour for what in ("errors", "p99")}
    api = {"api-latency-p99", "api-errors"}
    database = {"database-cpu", "database-connections", "database-replica-lag"}
    payments = {
        "failed-transactions",
        "stuck-payments",
        "undelivered",
        *(f"fraud-{colour}-{what}" for colour in Colour for what in ("declines", "unscored")),
    }
    throttles = {f"{name}-throttles" for name in (*FUNCTIONS, *UNCOLOURED_FUNCTIONS)}
    unattended = {"audit-failures", "audit-behind", "rotation-errors", "sweeper-errors"}
    assert alarms.keys() == per_colour | releases | api | database | payments | throttles | unattended


def test_every_alarm_names_its_runbook_and_every_runbook_its_alarms(synthesis: Synthesis) -> None:
    """The page is in the repository, and every alarm that points to it is named there, and nothing else is a page."""
    pages: dict[str, set[str]] = {}
    for alarm in synthesis.resources("AWS::CloudWatch::Alarm"):
        page = alarm.properties["AlarmDescription"].rpartition(f"{RUNBOOKS_URL}/")[2]
        role = alarm.properties["AlarmName"].removeprefix(f"payment-{alarm.environment.suffix}-")
        pages.setdefault(page, set()).add(COLOUR.sub("-<colour>-", role))
    for page, roles in pages.items():
        text = (ROOT / "docs" / "runbooks" / page).read_text()
        assert roles == set(re.findall(r"^- `([^`]+)`", text.partition("\n## ")[0], re.MULTILINE)), page
        assert {"## Look", "## Do"} <= set(text.splitlines()), page


def test_runbooks_are_where_the_source_is() -> None:
    assert f"/{SETTINGS.source.full_name}/blob/{SETTINGS.source.branch}/" in RUNBOOKS_URL


def test_latency_is_measured_at_the_ninety_ninth_percentile(alarms: dict[str, Resource]) -> None:
    for name, alarm in alarms.items():
        if name.endswith("latency-p99"):
            assert alarm.properties["ExtendedStatistic"] == "p99"


def test_each_step_of_a_shift_is_watched_for_at_least_the_window_of_every_release_alarm(synthesis: Synthesis) -> None:
    """A step that is over sooner would have been left before its alarm could go off."""
    for alarm in synthesis.resources("AWS::CloudWatch::Alarm"):
        window = alarm.properties["Period"] * alarm.properties["EvaluationPeriods"]
        if "-release-" in alarm.properties["AlarmName"]:
            assert (alarm.properties["Period"], window) == (10, RELEASE_ALARM_SECONDS)
        suffix = alarm.environment.suffix
        if "-release-" in alarm.properties["AlarmName"] or suffix == "prod":
            assert all(step.bake_seconds >= window for step in plan_for(suffix).steps), str(alarm)


def test_a_release_alarm_goes_by_the_share_of_requests_and_by_p99(alarms: dict[str, Resource]) -> None:
    errors = alarms["validation-green-release-errors"].properties
    assert (errors["MetricName"], errors["Statistic"], errors["Threshold"]) == ("Faults", "Average", 0.02)
    latency = alarms["processing-blue-release-p99"].properties
    assert (latency["MetricName"], latency["ExtendedStatistic"]) == ("Latency", "p99")


def test_what_a_shift_does_not_go_by_are_alarms_that_exist_and_none_made_for_releases(
    alarms: dict[str, Resource],
) -> None:
    """Everything else returns the traffic: an alarm that is new does, too, until somebody decides otherwise."""
    for ending in DISREGARDED:
        assert any(name.endswith(ending) for name in alarms), ending
    assert not [name for name in alarms if "-release-" in name and name.endswith(DISREGARDED)]
    assert {"api-errors", "processing-green-errors", "failed-transactions"} <= {
        name for name in alarms if not name.endswith(DISREGARDED)
    }


def test_api_alarms_look_at_live_traffic_only(alarms: dict[str, Resource]) -> None:
    for name in ("api-latency-p99", "api-errors"):
        assert any("live" in text for text in texts(dimensions(alarms[name])["Stage"]))


def test_function_alarms_look_at_one_colour(alarms: dict[str, Resource]) -> None:
    for name, alarm in alarms.items():
        function, _, rest = name.partition("-")
        colour = rest.partition("-")[0]
        if colour not in set(Colour) or name.endswith(("declines", "unscored")):
            continue
        if "-release-" in name:
            assert dimensions(alarm) == {"service": function, "Environment": SUFFIX, "Colour": colour}
            assert alarm.properties["Namespace"] == "Payment"
            assert alarm.properties["Period"] == 10
        else:
            (resource,) = [text for text in texts(dimensions(alarm)["Resource"]) if text.endswith(f":{colour}")] or [""]
            assert resource, f"{name} does not name its alias"


def test_the_share_of_payments_without_a_score_has_an_alarm_for_each_colour(synthesis: Synthesis) -> None:
    """Processing writes it: it is the one that notices."""
    for environment in ENVIRONMENTS:
        for colour in Colour:
            (alarm,) = [
                alarm.properties
                for alarm in synthesis.resources("AWS::CloudWatch::Alarm")
                if alarm.properties["AlarmName"] == f"payment-{environment.suffix}-fraud-{colour}-unscored"
            ]
            measured = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
            assert measured == {"service": "processing", "Environment": environment.suffix, "Colour": colour}
            assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == ("Payment", "Unscored", "Average")
            assert alarm["Threshold"] == environment.alarms.unscored_percent / 100


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
        for shown in (
            "p50",
            "p90",
            "p99",
            "Faults",
            "Outcomes",
            "Unscored",
            "ColdLatency",
            "DatabaseConnections",
            "AuroraReplicaLagMaximum",
            "ConcurrentExecutions",
            "Throttles",
            "AWS/SQS",
            "IteratorAge",
        ):
            assert shown in body, f"{dashboard}: {shown}"
