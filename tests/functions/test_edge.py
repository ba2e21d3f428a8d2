"""Between the load balancer's events and the functions: paths, callers, identity, answers."""

import base64
import json

import pytest

from payment_core.alb import correlation_id_of, parse_request, render_response
from payment_core.boundary import serve_request
from payment_core.caller import CallerUnknown, merchant_id, source_address
from payment_core.errors import RETRYABLE, ErrorCode, InvalidRequest, PaymentError
from payment_core.http import Request, Response, json_response
from payment_core.problem import PROBLEMS, problem_response
from payment_core.release_identity import ReleaseIdentity
from payment_core.routing import Route, Router
from tests.functions.cloud import FakeContext, context


def _event(path: str = "/payments", **changes: object) -> dict[str, object]:
    return {"httpMethod": "POST", "path": path, "headers": {}, "body": "", "isBase64Encoded": False, **changes}


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/payments", "/payments"),
        ("/live/payments", "/payments"),
        ("/preview-blue/payments/pay_1", "/payments/pay_1"),
        ("/preview-green/customers/cus_1", "/customers/cus_1"),
        ("/live", "/live"),
        ("/live/live/payments", "/live/payments"),
        ("/other/payments", "/other/payments"),
    ],
)
def test_exactly_one_leading_stage_is_stripped(path: str, seen: str) -> None:
    assert parse_request(_event(path), correlation_id="c").path == seen


def test_a_base64_body_and_mixed_case_headers_are_read() -> None:
    event = _event(body=base64.b64encode(b"{}").decode(), isBase64Encoded=True, headers={"Idempotency-KEY": "k"})
    request = parse_request(event, correlation_id="c")
    assert (request.body, request.headers["idempotency-key"]) == (b"{}", "k")


def test_a_request_shows_neither_headers_nor_body() -> None:
    shown = repr(parse_request(_event(body="secret", headers={"authorization": "secret"}), correlation_id="c"))
    assert "secret" not in shown


@pytest.mark.parametrize("given", ["", "with\nnewline", "x" * 129, "{}"])
def test_a_correlation_id_that_is_not_safe_to_log_is_replaced(given: str) -> None:
    made = correlation_id_of({"headers": {"X-Correlation-Id": given}})
    assert made != given
    assert len(made) == 36


def test_the_edge_s_correlation_id_is_kept() -> None:
    assert correlation_id_of({"headers": {"x-correlation-id": "c6af9ac6-7b61"}}) == "c6af9ac6-7b61"


@pytest.mark.parametrize(
    ("account", "caller", "merchant"),
    [
        ("555555555555", "AROAEXAMPLE:deploy-17", "555555555555:AROAEXAMPLE"),
        ("555555555555", "AROAEXAMPLE:other", "555555555555:AROAEXAMPLE"),
        ("555555555555", "AIDAEXAMPLE", "555555555555:AIDAEXAMPLE"),
    ],
)
def test_a_merchant_is_account_and_unique_id_and_never_a_session(account: str, caller: str, merchant: str) -> None:
    assert merchant_id({"x-caller-account": account, "x-caller-id": caller}) == merchant


@pytest.mark.parametrize(
    "headers", [{}, {"x-caller-account": "555555555555"}, {"x-caller-account": "1", "x-caller-id": "AROA"}]
)
def test_nobody_is_served_without_being_known(headers: dict[str, str]) -> None:
    with pytest.raises(CallerUnknown):
        merchant_id(headers)


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("", None),
        ("somewhere", None),
    ],
)
def test_an_address_is_one_of_ipv4_or_a_network_of_ipv6(given: str, address: str | None) -> None:
    assert source_address({"x-source-address": given}) == address


def test_identity_comes_from_the_alias_that_was_invoked() -> None:
    assert dict(ReleaseIdentity.of(context("validation", colour="green")).headers) == {
        "X-Release-Color": "green",
        "X-Release-Version": "7",
    }


@pytest.mark.parametrize("qualifier", ["", ":7", ":live", ":$LATEST"])
def test_a_function_without_a_colour_serves_nobody(qualifier: str, capsys: pytest.CaptureFixture[str]) -> None:
    unqualified = FakeContext(f"arn:aws:lambda:us-east-1:222222222222:function:payment-test-validation{qualifier}")
    served: list[Request] = []

    def serve(request: Request, _: ReleaseIdentity) -> Response:
        served.append(request)
        return json_response(200, {}, outcome="ok")

    answer = serve_request(_event(), unqualified, serve=serve)
    assert (answer["statusCode"], json.loads(answer["body"])["code"], served) == (500, "internal_error", [])


def _router() -> Router:
    def show(_: Request, named: dict[str, str]) -> Response:
        return json_response(200, named, outcome="ok")

    return Router([Route("GET", "/payments/{payment_id}", show), Route("PUT", "/customers/{customer_id}", show)])  # type: ignore[arg-type]


def _request(method: str, path: str) -> Request:
    return Request(method=method, path=path, headers={}, body=b"", correlation_id="c")


def test_a_route_hands_on_the_named_segments_decoded() -> None:
    assert json.loads(_router()(_request("GET", "/payments/a%2Fb")).body) == {"payment_id": "a/b"}


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("POST", "/payments/p", ErrorCode.METHOD_NOT_ALLOWED),
        ("GET", "/payments", ErrorCode.ROUTE_NOT_FOUND),
        ("GET", "/payments/p/q", ErrorCode.ROUTE_NOT_FOUND),
        ("GET", "/", ErrorCode.ROUTE_NOT_FOUND),
    ],
)
def test_what_is_not_there_is_told_from_what_is_not_allowed(method: str, path: str, code: ErrorCode) -> None:
    with pytest.raises(InvalidRequest) as refused:
        _router()(_request(method, path))
    assert refused.value.code is code


def test_every_error_code_has_one_problem_and_only_retryable_ones_say_when_to_come_back() -> None:
    assert set(PROBLEMS) == set(ErrorCode)
    assert {code for code, problem in PROBLEMS.items() if problem.retry_after_seconds} == RETRYABLE
    assert all(problem.status >= 500 or problem.status == 409 for problem in map(PROBLEMS.get, RETRYABLE) if problem)


def test_a_problem_is_an_rfc_9457_document() -> None:
    response = problem_response(
        PaymentError(ErrorCode.DATABASE_UNAVAILABLE, "Nothing was written."), correlation_id="c-1"
    )
    assert json.loads(response.body) == {
        "type": "urn:payment:problem:database_unavailable",
        "title": "The customer database does not answer",
        "status": 503,
        "detail": "Nothing was written.",
        "code": "database_unavailable",
        "correlation_id": "c-1",
    }
    assert dict(response.headers) == {"Content-Type": "application/problem+json", "Retry-After": "5"}


def test_an_answer_is_what_a_load_balancer_accepts() -> None:
    answer = render_response(json_response(201, {"a": 1}, outcome="ok"), headers={"X-Correlation-Id": "c"})
    assert answer == {
        "statusCode": 201,
        "statusDescription": "201 Created",
        "isBase64Encoded": False,
        "headers": {"Content-Type": "application/json", "X-Correlation-Id": "c"},
        "body": '{"a":1}',
    }
