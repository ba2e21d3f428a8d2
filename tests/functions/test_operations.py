"""What operators get to see, and where the functions get their settings from."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from payment_core import logs
from payment_core.boundary import serve_request
from payment_core.configuration import read_configuration
from payment_core.errors import DependencyUnavailable, ErrorCode
from payment_core.http import Response, json_response
from tests.functions.cards import VISA
from tests.functions.cloud import FakeCloud, context
from tests.functions.workers import forget_workers


@dataclass(frozen=True, kw_only=True)
class Settings:
    velocity_limit_per_card: int
    fingerprint_key_id: str


def test_settings_are_read_by_prefix_and_typed(cloud: FakeCloud) -> None:
    assert read_configuration(Settings) == Settings(velocity_limit_per_card=5, fingerprint_key_id="key-1")


def test_settings_are_kept_between_requests_for_no_more_than_a_minute(
    cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    ages: list[int] = []

    class Source:
        def get_parameters_by_name(
            self, parameters: dict[str, dict[str, Any]], *, max_age: int, raise_on_error: bool
        ) -> dict[str, object]:
            ages.append(max_age)
            return dict.fromkeys(parameters, "5")

    read_configuration(Settings, source=Source())
    assert ages == [60]
    for _ in range(3):
        read_configuration(Settings)
    assert cloud.ssm.reads == 1


@pytest.mark.parametrize(("name", "value"), [("velocity-limit-per-card", "five"), ("fingerprint-key-id", None)])
def test_a_missing_or_broken_setting_is_named_to_the_operator_only(
    cloud: FakeCloud, name: str, value: str | None
) -> None:
    del cloud.ssm.values[name]
    if value is not None:
        cloud.ssm.values[name] = value
    with pytest.raises(DependencyUnavailable) as refused:
        read_configuration(Settings)
    assert refused.value.code is ErrorCode.CONFIGURATION_UNAVAILABLE
    assert refused.value.subject == f"/payment/test/config/{name}"
    assert name not in refused.value.message


def test_only_fields_of_the_allow_list_are_logged(capsys: pytest.CaptureFixture[str]) -> None:
    logs.bind(correlation_id="c-1")
    logs.info("something_happened", payment_id="pay_1", body=VISA)  # type: ignore[call-arg]
    (line,) = capsys.readouterr().out.splitlines()
    entry = json.loads(line)
    assert entry.keys() == {"level", "message", "timestamp", "service", "correlation_id", "payment_id"}
    assert entry["message"] == "something_happened"


def test_nothing_of_one_request_is_logged_with_the_next(capsys: pytest.CaptureFixture[str]) -> None:
    logs.bind(correlation_id="c-1", merchant_id="m")
    logs.bind(correlation_id="c-2")
    logs.info("something_happened")
    entry = json.loads(capsys.readouterr().out)
    assert entry["correlation_id"] == "c-2"
    assert "merchant_id" not in entry


def test_an_exception_is_described_by_types_and_lines_and_never_by_its_message() -> None:
    def fail() -> None:
        try:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": VISA}}, "GenerateMac")  # noqa: TRY301
        except ClientError as error:
            raise ParamValidationError(report=VISA) from error

    with pytest.raises(ParamValidationError) as failure:
        fail()
    told = logs.describe(failure.value)
    assert told["error_types"] == ["ParamValidationError", "ClientError:AccessDeniedException"]
    assert told["error_at"][-1].startswith("test_operations.py:")
    assert VISA not in str(told)


def _emf(out: str) -> list[dict[str, object]]:
    return [entry for line in out.splitlines() if "_aws" in (entry := json.loads(line))]


@pytest.mark.parametrize(("status", "faults"), [(201, 0.0), (400, 0.0), (503, 1.0)])
def test_requests_faults_and_latency_are_counted_by_colour(
    capsys: pytest.CaptureFixture[str], status: int, faults: float
) -> None:
    event = {"httpMethod": "GET", "path": "/"}
    serve_request(
        event,
        context("validation", colour="green"),
        serve=lambda _request, _identity: json_response(status, {}, outcome="some_outcome"),
    )
    by_colour, by_outcome = _emf(capsys.readouterr().out)
    (directive,) = by_colour["_aws"]["CloudWatchMetrics"]  # type: ignore[index]
    assert directive["Namespace"] == "Payment"
    assert set(directive["Dimensions"][0]) == {"service", "Environment", "Colour"}
    assert [metric["StorageResolution"] for metric in directive["Metrics"]] == [1, 1, 1]
    assert (by_colour["Requests"], by_colour["Faults"]) == ([1.0], [faults])
    assert (by_colour["service"], by_colour["Environment"], by_colour["Colour"]) == ("test", "test", "green")
    assert (by_outcome["Outcome"], by_outcome["Outcomes"]) == ("some_outcome", [1.0])


def test_only_the_first_request_of_each_outcome_of_a_worker_is_cold(capsys: pytest.CaptureFixture[str]) -> None:
    """It makes clients and connections: a new colour's first requests are no measure of the release."""
    served, answers = [], iter(((503, "away"), (200, "read"), (201, "made"), (200, "read"), (201, "made")))

    def serve(_request: object, _identity: object) -> Response:
        status, outcome = next(answers)
        return json_response(status, {}, outcome=outcome)

    for _ in range(5):
        serve_request({"httpMethod": "GET", "path": "/"}, context("processing"), serve=serve)
        served.append(_emf(capsys.readouterr().out)[0])
    assert [("ColdLatency" in each, "Latency" in each) for each in served] == [(True, False)] * 3 + [(False, True)] * 2
    assert [(each["Requests"], each["Faults"]) for each in served] == [([1.0], [1.0]), *[([1.0], [0.0])] * 4]


def test_each_worker_has_a_first_request(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        forget_workers()
        serve_request(
            {"httpMethod": "GET", "path": "/"},
            context("processing"),
            serve=lambda _request, _identity: json_response(200, {}, outcome="some_outcome"),
        )
        assert "ColdLatency" in _emf(capsys.readouterr().out)[0]
