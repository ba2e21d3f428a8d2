"""What the integration tests stand on: the signed client, the rules' reading, the summary."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from integ_tests import summary
from integ_tests.cards import BAD_CHECK_DIGIT, DECLINED, VELOCITY, WARM_UP, approved_cards
from integ_tests.client import Answer, Body, CallFailed, PaymentClient, payment_body
from integ_tests.environment import Deployed, NoEnvironment, read_outputs
from integ_tests.rules import live_colour, weighted_rules
from release.names import Colour

HOST = "abc.execute-api.us-east-1.amazonaws.com"
CREDENTIALS = Credentials("222222222222", "local")
BLUE, GREEN = Colour.BLUE, Colour.GREEN


@dataclass
class Endpoint:
    """What the server saw, and what it will answer."""

    url: str
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            place.seen.append((self.command, self.path, dict(self.headers.items()), body))
            status, headers, content = place.answers.pop(0)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = _serve  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    place = Endpoint(url=f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_EXECUTE_API", place.url)
    yield place
    server.shutdown()
    server.server_close()
    thread.join()


def client(credentials: Credentials | None = CREDENTIALS) -> PaymentClient:
    return PaymentClient(f"https://{HOST}/preview-blue/", region="us-east-1", credentials=credentials)


def test_a_request_goes_to_the_endpoint_signed_for_the_real_host(endpoint: Endpoint) -> None:
    endpoint.answers = [(201, {"X-Release-Color": "blue"}, b"{}")]
    answer = client().pay(payment_body(WARM_UP, customer_id="cus_1"), key="k1")
    assert (answer.status, answer.headers["x-release-color"]) == (201, "blue")
    ((method, path, headers, body),) = endpoint.seen
    assert (method, path) == ("POST", "/preview-blue/payments")
    assert headers["Host"] == HOST
    assert headers["Idempotency-Key"] == "k1"
    expected = AWSRequest(
        method=method,
        url=f"https://{HOST}{path}",
        data=body,
        headers={"Content-Type": "application/json", "Idempotency-Key": "k1"},
    )
    expected.context["timestamp"] = headers["X-Amz-Date"]
    signer = SigV4Auth(CREDENTIALS, "execute-api", "us-east-1")
    expected.headers["X-Amz-Date"] = headers["X-Amz-Date"]
    signature = signer.signature(signer.string_to_sign(expected, signer.canonical_request(expected)), expected)
    assert headers["Authorization"].endswith(f"Signature={signature}")


def test_a_stranger_does_not_sign(endpoint: Endpoint) -> None:
    endpoint.answers = [(403, {}, b"{}")]
    assert client(None).payment("p1").status == 403
    assert "Authorization" not in endpoint.seen[0][2]


def test_an_answer_that_repeats_the_card_number_is_a_failure_that_does_not(endpoint: Endpoint) -> None:
    endpoint.answers = [(400, {}, f"bad card {WARM_UP.number}".encode())]
    with pytest.raises(CallFailed, match="contains the card number") as failure:
        client().pay(payment_body(WARM_UP, customer_id="cus_1"))
    assert WARM_UP.number not in str(failure.value)


def test_no_card_number_shows_in_what_a_failing_test_prints() -> None:
    shown = repr(WARM_UP) + repr(payment_body(WARM_UP, customer_id="cus_1"))
    assert WARM_UP.number not in shown


def test_waking_repeats_what_came_too_early(endpoint: Endpoint) -> None:
    endpoint.answers = [(503, {"Retry-After": "0.01"}, b"{}"), (504, {"Retry-After": "0.01"}, b"{}"), (200, {}, b"{}")]
    assert client().wake("PUT", "/customers/c", Body(b"{}"), key="k").status == 200
    assert [headers["Idempotency-Key"] for _, _, headers, _ in endpoint.seen] == ["k", "k", "k"]


def test_a_throttled_request_is_sent_again_with_its_key(endpoint: Endpoint) -> None:
    endpoint.answers = [(429, {"Retry-After": "0.01"}, b"{}"), (429, {"Retry-After": "0.01"}, b"{}"), (201, {}, b"{}")]
    assert client().pay(payment_body(WARM_UP, customer_id="cus_1"), key="k").status == 201
    assert [headers["Idempotency-Key"] for _, _, headers, _ in endpoint.seen] == ["k", "k", "k"]


def test_an_endpoint_that_does_not_answer_is_a_failure_without_the_body(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_EXECUTE_API", "http://127.0.0.1:1")
    with pytest.raises(CallFailed, match="ConnectionError") as failure:
        client().pay(payment_body(WARM_UP, customer_id="cus_1"))
    assert failure.value.__cause__ is None
    assert failure.value.__suppress_context__


def test_an_answer_that_is_no_object_is_not_read_as_one() -> None:
    with pytest.raises(AssertionError, match="not a JSON object"):
        Answer(status=200, headers={}, content=b"[]").json()


def check_digit_is_right(number: str) -> bool:
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(number))]
    return sum(digit // 10 + digit % 10 for digit in doubled) % 10 == 0


def test_the_cards_are_what_they_are_called() -> None:
    cards = approved_cards()
    approved = [next(cards) for _ in range(10)]
    special = [WARM_UP, VELOCITY, DECLINED]
    assert len({card.number for card in [*approved, *special]}) == len(approved) + len(special)
    assert all(check_digit_is_right(card.number) for card in [*approved, *special])
    assert not check_digit_is_right(BAD_CHECK_DIGIT.number)


def rule(*shares: tuple[str, int]) -> Any:
    groups = [{"TargetGroupArn": f"arn:x:targetgroup/payment-dev-{name}/1", "Weight": share} for name, share in shares]
    return {"Actions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]}


def test_the_live_colour_is_read_from_the_weights() -> None:
    found = weighted_rules(
        [
            rule(("val-blue", 0), ("val-green", 100)),
            rule(("proc-green", 100), ("proc-blue", 0)),
            rule(("val-blue", 1)),
            {"Actions": [{"Type": "fixed-response"}]},
        ],
        "dev",
    )
    assert [(r.function, dict(r.weights)) for r in found] == [
        ("validation", {BLUE: 0, GREEN: 100}),
        ("processing", {BLUE: 0, GREEN: 100}),
    ]
    assert live_colour(found) is GREEN


def test_divided_traffic_has_no_idle_colour_to_test() -> None:
    with pytest.raises(AssertionError, match="divided"):
        live_colour(weighted_rules([rule(("val-blue", 90), ("val-green", 10))], "dev"))


def test_missing_outputs_are_said_and_not_skipped(tmp_path: Path) -> None:
    with pytest.raises(NoEnvironment, match="release outputs"):
        read_outputs(tmp_path / "flat-outputs.json")
    with pytest.raises(NoEnvironment, match="VpcId"):
        Deployed(outputs={})["VpcId"]


def test_outputs_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "flat-outputs.json"
    path.write_text(json.dumps({"EnvironmentSuffix": "dev", "VpcId": "vpc-1"}))
    assert read_outputs(path).suffix == "dev"


def test_the_summary_is_one_line_that_says_where_and_how(tmp_path: Path) -> None:
    line = summary.summary_line(
        {"passed": 40, "failed": 1, "error": 0, "skipped": 0}, suffix="dev", colour="green", seconds=12.3, failed=["a"]
    )
    assert line == "integration tests on dev (idle colour green): 40 passed, 1 failed in 12 s; failed: a"
    assert summary.write(line, tmp_path / "out").read_text() == line + "\n"
