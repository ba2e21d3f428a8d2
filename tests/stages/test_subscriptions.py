"""Who is told, and what happens to what nobody takes in."""

from dataclasses import replace

import aws_cdk as cdk
import pytest
from aws_cdk import assertions

from stages.configuration import InvalidEnvironment, NotificationConfig
from stages.environments import DEV, PROD
from stages.payment_stage import PaymentStage
from tests.stages.templates import ENVIRONMENTS, Synthesis, new_app, statements, texts


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://pager.example.com/hook",
        "https://user:secret@pager.example.com/hook",
        "https://",
        "https://pager.example.com/#part",
        "ftp://pager.example.com",
        "on-call",
        "on-call@",
        "on call@example.com",
        "a@example.com, b@example.com",
        "+15550100",
        "",
    ],
)
@pytest.mark.parametrize("topic", ["alerts", "failed_transactions"])
def test_what_is_no_endpoint_is_refused_by_topic_and_value(topic: str, endpoint: str) -> None:
    with pytest.raises(InvalidEnvironment, match=f"{topic}: .*neither an e-mail address nor an https address"):
        NotificationConfig(**{"alerts": (), "failed_transactions": (), topic: (endpoint,)})


def test_nobody_is_told_twice() -> None:
    with pytest.raises(InvalidEnvironment, match="alerts names an endpoint twice"):
        NotificationConfig(alerts=("a@example.com", "a@example.com"), failed_transactions=())


@pytest.mark.parametrize("field", ["alerts", "failed_transactions"])
def test_where_real_cards_are_charged_somebody_is_told(field: str) -> None:
    with pytest.raises(InvalidEnvironment, match=field):
        replace(PROD, notifications=replace(PROD.notifications, **{field: ()}))


def test_subscriptions_are_those_of_the_data(synthesis: Synthesis) -> None:
    for environment in ENVIRONMENTS:
        found = [r for r in synthesis.resources("AWS::SNS::Subscription") if r.environment == environment]
        told = [(*environment.notifications.alerts, *environment.notifications.failed_transactions)]
        assert sorted(r.properties["Endpoint"] for r in found) == sorted(*told)


def test_a_program_gets_messages_as_they_are_and_what_it_refuses_is_kept() -> None:
    pager, mail = "https://pager.example.com/hook", "on-call@example.com"
    notifications = NotificationConfig(alerts=(pager,), failed_transactions=(pager, mail))
    stage = PaymentStage(new_app(), "Dev", environment=replace(DEV, notifications=notifications))
    template = assertions.Template.from_stack(cdk.Stack.of(stage.security))

    programs = template.find_resources("AWS::SNS::Subscription", {"Properties": {"Protocol": "https"}})
    assert len(programs) == 2
    for program in programs.values():
        assert program["Properties"]["RawMessageDelivery"] is True
        assert any("Undelivered" in text for text in texts(program["Properties"]["RedrivePolicy"]))
        assert "FilterPolicy" not in program["Properties"]
    (person,) = template.find_resources("AWS::SNS::Subscription", {"Properties": {"Protocol": "email"}}).values()
    assert person["Properties"]["FilterPolicy"] == {"retryable": [False]}
    assert person["Properties"]["FilterPolicyScope"] == "MessageBody"


def test_only_the_environments_topics_put_into_the_queue(synthesis: Synthesis) -> None:
    for environment in ENVIRONMENTS:
        policies = [
            policy
            for policy in synthesis.resources("AWS::SQS::QueuePolicy")
            if policy.environment == environment and policy.layer == "security"
        ]
        allowed = [s for policy in policies for s in statements(policy) if s["Effect"] == "Allow"]
        (statement,) = allowed
        assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
        sources = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
        assert all(f"{environment.account}:payment-{environment.suffix}-" in source for source in sources)


def test_events_that_nobody_waits_for_end_in_the_queue(synthesis: Synthesis) -> None:
    for environment in ENVIRONMENTS:
        found = [r for r in synthesis.resources("AWS::Lambda::EventInvokeConfig") if r.environment == environment]
        functions = sorted(next(texts(config.properties["FunctionName"])) for config in found)
        assert [name[:8] for name in functions] == ["Rotation", "SweeperF"]
        for config in found:
            destination = config.properties["DestinationConfig"]["OnFailure"]["Destination"]
            assert any("Undelivered" in text for text in texts(destination))
