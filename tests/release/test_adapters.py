"""The boto3 adapters, against what AWS would answer."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber
from hypothesis import given
from hypothesis import strategies as st

from release.analysis import Sample
from release.aws.alarms import StackAlarms
from release.aws.api_stage import LiveStage
from release.aws.functions import Aliases
from release.aws.ledger import LedgerTable
from release.aws.ledger_text import entry_from_json, entry_to_json, journal_from_json, journal_to_json
from release.aws.load_balancer import ListenerRules
from release.aws.metrics import ColourMetrics
from release.aws.parameters import ParameterStore
from release.aws.session import Client
from release.aws.stacks import EnvironmentStacks
from release.errors import Overtaken, ReleaseError
from release.layout import MalformedState, ReleaseState
from release.model import Entry, Journal, Lease, Operation, Provenance, Result, WeightSet
from release.names import Colour

BLUE, GREEN = Colour.BLUE, Colour.GREEN
BALANCER = "arn:aws:elasticloadbalancing:us-east-1:222222222222:loadbalancer/app/payment-dev-alb/1"
LISTENER = BALANCER.replace("loadbalancer", "listener") + "/2"


@pytest.fixture
def session() -> boto3.Session:
    return boto3.Session(aws_access_key_id="222222222222", aws_secret_access_key="local", region_name="us-east-1")


def nothing() -> None:
    """For a `keep` that is not what the test is about."""


@contextmanager
def answering(client: Any, *answers: tuple[str, dict[str, Any], dict[str, Any]]) -> Iterator[None]:
    """The client gets exactly these calls, in this order."""
    with Stubber(client) as stub:
        for operation, answer, expected in answers:
            stub.add_response(operation, answer, expected)
        yield
        stub.assert_no_pending_responses()


def group(name: str, weight: int) -> dict[str, Any]:
    return {"TargetGroupArn": f"arn:aws:elasticloadbalancing:us-east-1:2:targetgroup/{name}/9f", "Weight": weight}


def rule(name: str, priority: str, *groups: dict[str, Any]) -> dict[str, Any]:
    config = {"TargetGroups": list(groups), "TargetGroupStickinessConfig": {"Enabled": False}}
    return {
        "RuleArn": f"arn:rule/{name}",
        "Priority": priority,
        "Actions": [{"Type": "forward", "Order": 1, "ForwardConfig": config}],
    }


VALIDATION = rule("val", "110", group("payment-dev-val-blue", 90), group("payment-dev-val-green", 10))
PROCESSING = rule("proc", "120", group("payment-dev-proc-green", 0), group("payment-dev-proc-blue", 100))
PREVIEW = rule("preview", "11", group("payment-dev-val-blue", 1))
DEFAULT = {"RuleArn": "arn:rule/default", "Priority": "default", "Actions": [{"Type": "fixed-response"}]}


def seen(*rules: dict[str, Any]) -> tuple[tuple[str, dict[str, Any], dict[str, Any]], ...]:
    return (
        ("describe_load_balancers", {"LoadBalancers": [{"LoadBalancerArn": BALANCER}]}, {"Names": ["payment-dev-alb"]}),
        ("describe_listeners", {"Listeners": [{"ListenerArn": LISTENER}]}, {"LoadBalancerArn": BALANCER}),
        ("describe_rules", {"Rules": list(rules)}, {"ListenerArn": LISTENER}),
    )


def test_only_rules_with_both_colours_are_routed_and_in_the_order_of_the_shift(session: boto3.Session) -> None:
    client = session.client("elbv2")
    with answering(client, *seen(PREVIEW, PROCESSING, VALIDATION, DEFAULT)):
        found = ListenerRules(client, "dev").rules()
    assert [(r.function, r.weights) for r in found] == [
        ("validation", {BLUE: 90, GREEN: 10}),
        ("processing", {BLUE: 100, GREEN: 0}),
    ]


def test_a_rule_that_mixes_functions_is_not_touched(session: boto3.Session) -> None:
    client = session.client("elbv2")
    mixed = rule("mixed", "1", group("payment-dev-val-blue", 50), group("payment-dev-proc-green", 50))
    with answering(client, *seen(mixed)), pytest.raises(ReleaseError, match="arn:rule/mixed"):
        ListenerRules(client, "dev").rules()


def test_an_absent_load_balancer_has_no_rules(session: boto3.Session) -> None:
    client = session.client("elbv2")
    with Stubber(client) as stub:
        stub.add_client_error("describe_load_balancers", "LoadBalancerNotFound")
        assert ListenerRules(client, "dev").rules() == ()


def test_a_load_balancer_that_may_not_be_read_is_not_absent(session: boto3.Session) -> None:
    client = session.client("elbv2")
    with Stubber(client) as stub:
        stub.add_client_error("describe_load_balancers", "AccessDenied")
        with pytest.raises(client.exceptions.ClientError):
            ListenerRules(client, "dev").rules()


def test_setting_weights_keeps_everything_else_of_the_rule(session: boto3.Session) -> None:
    client = session.client("elbv2")
    changed = rule("proc", "120", group("payment-dev-proc-green", 50), group("payment-dev-proc-blue", 50))
    with answering(
        client,
        ("describe_rules", {"Rules": [PROCESSING]}, {"RuleArns": ["arn:rule/proc"]}),
        ("modify_rule", {}, {"RuleArn": "arn:rule/proc", "Actions": changed["Actions"]}),
    ):
        ListenerRules(client, "dev").set_weights("arn:rule/proc", {BLUE: 50, GREEN: 50}, keep=nothing)


def test_sync_uses_the_previous_template_and_every_previous_parameter(session: boto3.Session) -> None:
    client = session.client("cloudformation")
    stack: dict[str, Any] = {
        "StackName": "payment-dev-api",
        "StackStatus": "UPDATE_COMPLETE",
        "CreationTime": "2025-01-01T00:00:00Z",
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "Parameters": [{"ParameterKey": "ReleaseState"}, {"ParameterKey": "BootstrapVersion"}],
    }
    update = {
        "StackName": "payment-dev-api",
        "UsePreviousTemplate": True,
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "Parameters": [
            {"ParameterKey": "ReleaseState", "UsePreviousValue": True},
            {"ParameterKey": "BootstrapVersion", "UsePreviousValue": True},
        ],
    }
    with Stubber(client) as stub:
        stub.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": "payment-dev-api"})
        stub.add_response("update_stack", {"StackId": "x"}, update)
        assert EnvironmentStacks(client, "dev").start_sync("payment-dev-api", keep=nothing)
        stub.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": "payment-dev-api"})
        stub.add_client_error("update_stack", "ValidationError", "No updates are to be performed.")
        assert not EnvironmentStacks(client, "dev").start_sync("payment-dev-api", keep=nothing)


def test_the_lease_is_kept_after_what_is_read_and_right_before_the_change(session: boto3.Session) -> None:
    calls: list[str] = []
    clients: dict[str, Any] = {name: session.client(name) for name in ("elbv2", "cloudformation", "apigateway")}
    stack = {"StackName": "s", "StackStatus": "UPDATE_COMPLETE", "CreationTime": "2025-01-01T00:00:00Z"}
    stubs = {name: Stubber(client) for name, client in clients.items()}
    for client in clients.values():
        client.meta.events.register("before-call.*.*", lambda model, **_: calls.append(model.name))
    for service, operation, answer in (
        ("elbv2", "describe_rules", {"Rules": [PROCESSING]}),
        ("elbv2", "modify_rule", {}),
        ("cloudformation", "describe_stacks", {"Stacks": [stack]}),
        ("cloudformation", "update_stack", {}),
        ("apigateway", "update_stage", {}),
    ):
        stubs[service].add_response(operation, answer)
    for stub in stubs.values():
        stub.activate()

    def api_id() -> str:
        calls.append("DescribeStacks")
        return "abc"

    def keep() -> None:
        calls.append("keep")

    ListenerRules(clients["elbv2"], "dev").set_weights("arn:rule/proc", {BLUE: 50, GREEN: 50}, keep=keep)
    EnvironmentStacks(clients["cloudformation"], "dev").start_sync("s", keep=keep)
    LiveStage(clients["apigateway"], api_id).deploy("d1", keep=keep)
    assert calls == [
        *("DescribeRules", "keep", "ModifyRule"),
        *("DescribeStacks", "keep", "UpdateStack"),
        *("DescribeStacks", "keep", "UpdateStage"),
    ]


def test_absent_stacks_are_left_out_and_unreadable_ones_are_not(session: boto3.Session) -> None:
    client = session.client("cloudformation")
    with Stubber(client) as stub:
        for _ in range(6):
            stub.add_client_error("describe_stacks", "ValidationError", "Stack with id payment-dev-x does not exist")
        assert EnvironmentStacks(client, "dev").describe() == ()
        stub.add_client_error("describe_stacks", "AccessDenied", "no")
        with pytest.raises(client.exceptions.ClientError):
            EnvironmentStacks(client, "dev").describe()


def test_firing_alarms_are_asked_for_by_name(session: boto3.Session) -> None:
    client = session.client("cloudwatch")
    names = frozenset(f"payment-dev-{number:03}" for number in range(150))
    ordered = sorted(names)
    kinds = {"AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "StateValue": "ALARM", "MaxRecords": 100}
    red = {"MetricAlarms": [{"AlarmName": ordered[0]}], "CompositeAlarms": [{"AlarmName": ordered[1]}]}
    with answering(
        client,
        ("describe_alarms", red, {"AlarmNames": ordered[:100], **kinds}),
        ("describe_alarms", {"MetricAlarms": [], "CompositeAlarms": []}, {"AlarmNames": ordered[100:], **kinds}),
    ):
        assert StackAlarms(client, lambda: names).firing() == {ordered[0], ordered[1]}


def test_what_a_colour_served_is_read_from_all_routed_functions_and_nothing_of_before(session: boto3.Session) -> None:
    values = {
        "requests_validation": [40.0, 2.0],
        "requests_processing": [50.0],
        "faults_processing": [3.0],
        "timed_validation": [38.0, 2.0],
        "timed_processing": [47.0],
        "slow_processing": [5.0],
        "asked_processing": [30.0, 12.0],
        "unscored_processing": [4.0],
    }
    before = datetime.fromtimestamp(60.0, UTC)
    seconds = [datetime.fromtimestamp(83.0, UTC), datetime.fromtimestamp(90.0, UTC)]
    found = [
        {"Id": name, "Timestamps": [before, *seconds[: len(each)]], "Values": [999, *each], "StatusCode": "Complete"}
        for name, each in values.items()
    ]
    asked: list[dict[str, Any]] = []
    client = session.client("cloudwatch")
    client.meta.events.register("provide-client-params.cloudwatch.*", lambda params, **_: asked.append(params))
    expected = {"MetricDataQueries": ANY, "StartTime": ANY, "EndTime": ANY}
    with answering(client, ("get_metric_data", {"MetricDataResults": found}, expected)):
        sample = ColourMetrics(client, "dev").sample(GREEN, start=82.5, end=175.0, slow_ms=500)
    assert sample == Sample(requests=92, faults=3, timed=87, slow=5, asked_to_score=42, unscored=4)
    queries = {each["Id"]: each["MetricStat"] for each in asked[0]["MetricDataQueries"]}
    assert queries.keys() >= values.keys()
    assert {each["Period"] for each in queries.values()} == {1}
    statistics = {(each["Metric"]["MetricName"], each["Stat"]) for each in queries.values()}
    assert statistics == {
        ("Requests", "Sum"),
        ("Faults", "Sum"),
        ("Latency", "SampleCount"),
        ("Latency", "TC(500:)"),
        ("Unscored", "SampleCount"),
        ("Unscored", "Sum"),
    }


def test_the_release_id_is_the_version_s_description(session: boto3.Session) -> None:
    client = session.client("lambda")
    with answering(
        client,
        (
            "get_function_configuration",
            {"Description": "FraudVersionABC"},
            {"FunctionName": "payment-dev-fraud", "Qualifier": "7"},
        ),
    ):
        assert Aliases(client, "dev").release_id("fraud", "7") == "FraudVersionABC"


def test_an_api_without_a_live_stage_serves_no_deployment(session: boto3.Session) -> None:
    client = session.client("apigateway")
    with Stubber(client) as stub:
        stub.add_client_error("get_stage", "NotFoundException")
        assert LiveStage(client, lambda: "abc").deployment_id() is None
    assert LiveStage(client, lambda: None).deployment_id() is None


def test_a_deployment_that_is_gone_is_told_from_one_that_may_not_be_read(session: boto3.Session) -> None:
    client = session.client("apigateway")
    with Stubber(client) as stub:
        stub.add_response("get_deployment", {"id": "d1"}, {"restApiId": "abc", "deploymentId": "d1"})
        stub.add_client_error("get_deployment", "NotFoundException")
        stub.add_client_error("get_deployment", "AccessDeniedException")
        stage = LiveStage(client, lambda: "abc")
        assert stage.has("d1")
        assert stage.has("d1") is False
        assert stage.has("d1") is None
        stub.add_client_error("get_deployment", "TooManyRequestsException")
        with pytest.raises(client.exceptions.ClientError):
            stage.has("d1")


def test_the_state_is_one_string_list(session: boto3.Session) -> None:
    client = session.client("ssm")
    value = ",".join(ReleaseState().to_list())
    name = "/payment/dev/release/state"
    with answering(
        client,
        ("put_parameter", {}, {"Name": name, "Type": "StringList", "Value": value, "Overwrite": True}),
        ("get_parameter", {"Parameter": {"Value": value}}, {"Name": name}),
    ):
        store = ParameterStore(client, "dev")
        store.save_state(ReleaseState())
        assert store.state() == ReleaseState()


_WORDS = st.none() | st.text(max_size=50)
_STATES = st.none() | st.just(ReleaseState()) | st.just(ReleaseState(live_colour=GREEN, deployment_id="d"))


_FROM = st.builds(Provenance, commit=_WORDS, approved_by=_WORDS)
_TEXT = st.text(max_size=20)
_WEIGHTS = st.lists(st.builds(WeightSet, at=_TEXT, weight_percent=st.integers(0, 100)), max_size=3).map(tuple)


@given(
    st.builds(
        Entry,
        command=_TEXT,
        result=st.sampled_from(Result),
        reason=_TEXT,
        started_at=_TEXT,
        ended_at=_TEXT,
        by=_TEXT,
        commit=_WORDS,
        approved_by=_WORDS,
        weights=_WEIGHTS,
        before=_STATES,
        after=_STATES,
        exception=_WORDS,
    )
)
def test_an_entry_is_read_as_it_was_written(entry: Entry) -> None:
    assert entry_from_json(entry_to_json(entry)) == entry


@given(
    st.builds(
        Journal,
        operation=st.none() | st.sampled_from(Operation),
        origin=_STATES,
        previous=_STATES,
        asked=_FROM,
        by=_WORDS,
        started_at=_WORDS,
        weights=_WEIGHTS,
        exception=_WORDS,
        live=_FROM,
        previous_from=_FROM,
        frozen_for=_WORDS,
    )
)
def test_a_journal_is_read_as_it_was_written(journal: Journal) -> None:
    assert journal_from_json(journal_to_json(journal)) == journal


def test_what_was_written_before_exceptions_were_is_read() -> None:
    old = json.loads(journal_to_json(Journal()))
    del old["exception"]
    assert journal_from_json(json.dumps(old)) == Journal()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"operation": "dance"}', "null"])
def test_a_journal_that_cannot_be_read_is_no_empty_one(text: str) -> None:
    with pytest.raises(MalformedState):
        journal_from_json(text)


def head(**attributes: Any) -> dict[str, Any]:
    return {"TableName": "payment-dev-releases", "Key": {"pk": {"S": "head"}, "sk": {"S": "head"}}, **attributes}


def test_the_lease_is_taken_only_where_nobody_has_it(session: boto3.Session) -> None:
    client = session.client("dynamodb")
    ledger = LedgerTable(client, "dev")
    with Stubber(client) as stub:
        stub.add_response("update_item", {})
        stub.add_client_error("update_item", "ConditionalCheckFailedException")
        assert ledger.acquire(holder="me", command="shift", until=2, instead_of=None)
        assert not ledger.acquire(holder="me", command="shift", until=2, instead_of=None)


def test_a_lease_is_taken_over_only_as_it_was_seen(session: boto3.Session) -> None:
    client = session.client("dynamodb")
    seen = Lease(holder="a build", command="shift", until=1700000000.123)
    values = {
        ":token": ANY,
        ":holder": {"S": "me"},
        ":command": {"S": "heal"},
        ":until": {"N": "2000"},
        ":over": {"N": "1700000000123"},
    }
    condition = "attribute_not_exists(lease_token) OR lease_token = :token OR lease_until = :over"
    update = head(UpdateExpression=ANY, ConditionExpression=condition, ExpressionAttributeValues=values)
    with answering(client, ("update_item", {}, update)):
        assert LedgerTable(client, "dev").acquire(holder="me", command="heal", until=2, instead_of=seen)


def test_what_changes_something_is_tried_less_often_than_what_reads(session: boto3.Session) -> None:
    client = Client(session, "dynamodb")
    tried = {
        name: getattr(client, name).__self__.meta.config.retries["total_max_attempts"]
        for name in ("get_item", "query", "update_item", "put_item")
    }
    assert tried == {"get_item": 6, "query": 6, "update_item": 2, "put_item": 2}


def test_a_journal_is_written_only_with_the_lease(session: boto3.Session) -> None:
    client = session.client("dynamodb")
    with Stubber(client) as stub:
        stub.add_client_error("update_item", "ConditionalCheckFailedException")
        with pytest.raises(Overtaken):
            LedgerTable(client, "dev").save_journal(Journal())


def test_a_lease_that_cannot_be_given_back_runs_out_by_itself(session: boto3.Session) -> None:
    client = session.client("dynamodb")
    with Stubber(client) as stub:
        stub.add_client_error("update_item", "InternalServerError")
        LedgerTable(client, "dev").release()


def test_without_an_item_there_is_no_lease_and_nothing_under_way(session: boto3.Session) -> None:
    client = session.client("dynamodb")
    with answering(
        client,
        ("get_item", {}, head(ConsistentRead=True)),
        ("get_item", {}, head(ConsistentRead=True)),
    ):
        ledger = LedgerTable(client, "dev")
        assert (ledger.lease(), ledger.journal()) == (None, Journal())
