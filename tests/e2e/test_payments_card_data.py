"""Cards go every way through the API, then everything that anybody keeps is searched for them."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress

import pytest
import requests

from local.merchant import Answer, Merchant
from tests.e2e import card_paths, keepers
from tests.e2e.card_numbers import TestCard, draw_cards
from tests.e2e.leaks import CardDataSearch, Finding
from tests.e2e.outage import Database
from tests.e2e.trial import Trial, at_once, until_answered

CLIENTS = 6
Outage = Callable[[Trial], AbstractContextManager[None]]
# Published numbers that make the sandbox's acquirer decline, time out, or give no answer.
SANDBOX_CARDS = {
    "4000000000000002": "card_declined",
    "4000000000009995": "insufficient_funds",
    "4000000000009987": "lost_card",
    "4000000000000341": "acquirer_unavailable",
    "4000000000000119": "outcome_unknown",
    "4000000000006975": "outcome_unknown",
}


def test_no_card_data_is_kept_anywhere(trial: Trial) -> None:
    started, merchant = time.time(), trial.merchant()
    count = trial.size(small=len(card_paths.WAYS) * 5 // 4 + 2, full=1000)
    cards = draw_cards(trial.random, count)
    keepers.listen(trial.environment.session())
    outcomes: Counter[str] = Counter()

    with trial.without_velocity_limits():
        card_paths.prepare(merchant)
        outcomes.update(send_every_way(merchant, cards[: count * 4 // 5]))
        outcomes.update(sandbox_outcomes(merchant))
        outcomes.update(send_during_outages(trial, merchant, cards[count * 4 // 5 :]))
    # No score, no payment: one that came too late would let the second attempt pass.
    with trial.configured(
        velocity_limit_per_card=1,
        velocity_window_seconds=10_000_000_000,
        fraud_open_up_to_minor=0,
        fraud_budget_milliseconds=2000,
    ):
        outcomes.update(declined_by_fraud(merchant, cards[-3:]))

    keepers.wait_for_logs(trial, until_answered(lambda: merchant.request("GET", "/health")))
    numbers = [*(card.number for card in cards), *(card_paths.bad_digit(card) for card in cards), *SANDBOX_CARDS]
    search = CardDataSearch(numbers=numbers, codes={card.cvv for card in cards})
    searched: Counter[str] = Counter()
    found: list[Finding] = []
    for place, content in keepers.everything(trial, since=started):
        found += search.find(place, content)
        searched[place.split()[0]] += len(content)

    assert not found, Counter(finding.place for finding in found).most_common(20)
    assert {"log", "table", "stream", "bucket", "queue", "database", "file"} <= set(searched)
    trial.say(f"{count} cards: {dict(outcomes.most_common())}")
    sizes = ", ".join(f"{kind} {size}" for kind, size in sorted(searched.items()))
    trial.say(f"0 hits in {sum(searched.values()) / 1e6:.0f} MB; bytes: {sizes}")


def send_every_way(merchant: Merchant, cards: list[TestCard]) -> list[str]:
    """Each card goes one way, in turn. Returns how it ended."""

    def go(index: int) -> str:
        way = card_paths.WAYS[index % len(card_paths.WAYS)]
        # Repeated where a busy machine cut it off: as another payment, for only the way counts here.
        answer = until_answered(lambda: way.send(merchant, cards[index]))
        outcome = card_paths.outcome(answer)
        assert outcome in way.outcomes, f"{way.name}: {answer.status} {outcome}"
        return outcome

    return at_once([lambda index=index: go(index) for index in range(len(cards))], clients=CLIENTS)  # type: ignore[misc]


def sandbox_outcomes(merchant: Merchant) -> list[str]:
    """The published numbers' own outcomes, and then what settles each payment, so that none stays open."""
    outcomes = []
    for number, expected in SANDBOX_CARDS.items():
        card, key = TestCard(number=number, cvv="737"), f"sandbox-{number[-4:]}-{time.time_ns()}"
        answer = merchant.pay(card_paths.OPEN, 7, card_number=card.number, cvv=card.cvv, key=key)
        outcomes.append(card_paths.outcome(answer))
        assert outcomes[-1] == expected, (number[-4:], answer.status, outcomes[-1])
        settled = until_answered(
            lambda key=key, card=card: merchant.pay(  # type: ignore[misc]
                card_paths.OPEN, 7, card_number=card.number, cvv=card.cvv, key=key
            )
        )
        assert settled.status == 201
    return outcomes


def declined_by_fraud(merchant: Merchant, cards: list[TestCard]) -> list[str]:
    """Each card twice, where once is allowed."""
    answers = [
        until_answered(lambda card=card: merchant.pay(card_paths.OPEN, 7, card_number=card.number, cvv=card.cvv))  # type: ignore[misc]
        for card in cards * 2
    ]
    outcomes = [card_paths.outcome(answer) for answer in answers]
    assert set(outcomes[len(cards) :]) == {"velocity_exceeded"}
    return outcomes


def send_during_outages(trial: Trial, merchant: Merchant, cards: list[TestCard]) -> list[str]:
    """Payments while something that they need is away. They are repeated until they are through."""
    outages: list[Callable[[Trial], AbstractContextManager[None]]] = [
        without_permission("validation"),
        without_database,
    ]
    if trial.full:
        outages += [without_permission("processing"), without_permission("fraud"), without_workers]
    seen: list[str] = []
    for number, outage in enumerate(outages):
        share = cards[number :: len(outages)]
        keys = [f"outage-{number}-{index}-{time.time_ns()}" for index in range(len(share))]

        def pay(index: int, share: list[TestCard] = share, keys: list[str] = keys) -> Answer:
            card = share[index]
            return merchant.pay(card_paths.OPEN, 7, card_number=card.number, cvv=card.cvv, key=keys[index])

        def attempt(index: int, pay: Callable[[int], Answer] = pay) -> str:
            with suppress(requests.RequestException):
                return card_paths.outcome(pay(index))
            return "no answer"

        with outage(trial):
            ended = at_once([lambda index=index: attempt(index) for index in range(len(share))], clients=CLIENTS)  # type: ignore[misc]
        assert set(ended) <= card_paths.AWAY | {"no answer"}, Counter(ended)
        seen += ended
        settled = at_once(
            [lambda index=index, pay=pay: until_answered(lambda: pay(index)) for index in range(len(share))],  # type: ignore[misc]
            clients=CLIENTS,
        )
        assert {answer.status for answer in settled} == {201}
    assert any(outcome.endswith("_unavailable") for outcome in seen)
    return seen


def without_permission(function: str) -> Outage:
    @contextmanager
    def away(trial: Trial) -> Iterator[None]:
        """Deny the function's role everything, so that its first call of AWS fails."""
        iam, role = trial.environment.session().client("iam"), f"payment-{trial.suffix}-{function}"
        deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
        iam.put_role_policy(RoleName=role, PolicyName="away", PolicyDocument=json.dumps(deny))
        trial.restart_functions()
        try:
            yield
        finally:
            iam.delete_role_policy(RoleName=role, PolicyName="away")
            trial.restart_functions()

    return away


@contextmanager
def without_database(trial: Trial) -> Iterator[None]:
    database, over = Database(session=trial.environment.session(), suffix=trial.suffix), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        killing = pool.submit(database.kill, until=over.is_set)
        try:
            yield
        finally:
            over.set()
        killing.result()


@contextmanager
def without_workers(trial: Trial) -> Iterator[None]:
    trial.restart_functions()
    yield
    trial.restart_functions()


@pytest.fixture
def planted() -> TestCard:
    """A number that is planted on purpose: none of those that are paid with."""
    return TestCard(number="4242424242000018", cvv="837")


def test_the_sweep_finds_what_is_planted(trial: Trial, planted: TestCard) -> None:
    """In a log group, a table, a bucket, a queue and the database; as it is, encoded, hashed and packed."""
    started, session, number = time.time(), trial.environment.session(), planted.number
    spelled = {
        "as it is": f"paid with {number}",
        "hexadecimal": number.encode().hex().upper(),
        "base64": base64.b64encode(b"a tail " + number.encode() + b" and more").decode(),
        "sha256 hexadecimal": hashlib.sha256(number.encode()).hexdigest(),
        "a code behind its name": json.dumps({"cvv": planted.cvv}),
    }
    group = f"/payment/{trial.suffix}/validation"
    logs, dynamodb = session.client("logs"), session.client("dynamodb")
    s3, sqs = session.client("s3"), session.client("sqs")
    now, table = int(time.time() * 1000), f"payment-{trial.suffix}-velocity"
    bucket = f"sweep-{trial.environment.target.account}-{trial.random.getrandbits(32)}"
    objects = {"planted": number.encode(), "packed": gzip.compress(number.encode())}
    database = Database(session=session, suffix=trial.suffix)
    logs.create_log_stream(logGroupName=group, logStreamName="planted")
    try:
        logs.put_log_events(
            logGroupName=group,
            logStreamName="planted",
            logEvents=[{"timestamp": now, "message": message} for message in spelled.values()],
        )
        dynamodb.put_item(TableName=table, Item={"pk": {"S": number}})
        s3.create_bucket(Bucket=bucket)
        for key, planted_there in objects.items():
            s3.put_object(Bucket=bucket, Key=key, Body=planted_there)
        url = sqs.create_queue(QueueName="planted")["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody=number)
        with database.connect() as connection:
            connection.execute("comment on table customers is %s" % f"'{number}'")  # noqa: UP031 - takes no parameter
        search = CardDataSearch(numbers=[number], codes=[planted.cvv])
        found = [
            finding
            for place, content in keepers.everything(trial, since=started)
            for finding in search.find(place, content)
        ]
    finally:
        with database.connect() as connection:
            connection.execute("comment on table customers is null")
        sqs.delete_queue(QueueUrl=url)
        for key in objects:
            s3.delete_object(Bucket=bucket, Key=key)
        s3.delete_bucket(Bucket=bucket)
        dynamodb.delete_item(TableName=table, Key={"pk": {"S": number}})
        logs.delete_log_stream(logGroupName=group, logStreamName="planted")

    in_log = {finding.what.removeprefix("number 0, ") for finding in found if finding.place == f"log group {group}"}
    assert in_log >= set(spelled)
    in_bucket = [finding for finding in found if finding.place == f"bucket {bucket}"]
    assert [finding.what for finding in in_bucket].count("number 0, as it is") == len(objects)
    assert {finding.place.split()[0] for finding in found} >= {"log", "table", "bucket", "queue", "database"}
