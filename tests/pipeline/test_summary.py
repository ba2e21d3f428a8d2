"""What an approver is told comes from the reports, or the build fails."""

import json
from pathlib import Path

import pytest

from pipeline import summary
from release.status import Status

VERSIONS = {
    "blue": {"validation": "3", "processing": "3", "fraud": "2"},
    "green": {"validation": "4", "processing": "3", "fraud": "2"},
}


def junit(*, tests: int, failures: int = 0, errors: int = 0, skipped: int = 0) -> str:
    counters = f'tests="{tests}" failures="{failures}" errors="{errors}" skipped="{skipped}"'
    return f'<?xml version="1.0"?><testsuites><testsuite name="pytest" {counters}/></testsuites>'


def test_release_names_the_versions_on_both_colours() -> None:
    assert summary.of_release({"live_colour": "blue", "versions": VERSIONS}) == (
        "blue is live with validation 3, processing 3, fraud 2; "
        "green would take over with validation 4, processing 3, fraud 2"
    )


def test_release_says_when_both_colours_hold_the_same() -> None:
    same = {"blue": VERSIONS["blue"], "green": VERSIONS["blue"]}
    assert summary.of_release({"live_colour": "green", "versions": same}) == (
        "green is live and both colours hold validation 3, processing 3, fraud 2"
    )


def test_release_reads_what_the_controllers_status_writes() -> None:
    assert {"live_colour", "versions"} <= set(Status.__annotations__)


@pytest.mark.parametrize(
    "status", [{}, {"live_colour": None, "versions": VERSIONS}, {"live_colour": "blue", "versions": {}}]
)
def test_release_without_a_live_colour_is_no_basis_for_an_approval(status: dict[str, object]) -> None:
    with pytest.raises(summary.UnreadableReport):
        summary.of_release(status)


def test_tests_are_counted_by_outcome() -> None:
    assert summary.of_tests(junit(tests=12, failures=1, errors=1, skipped=2)) == "8 passed, 2 failed, 2 skipped"


@pytest.mark.parametrize("report", [junit(tests=0), junit(tests=3, skipped=3), "no xml"])
def test_a_run_without_a_passed_test_is_no_evidence(report: str) -> None:
    with pytest.raises(summary.UnreadableReport):
        summary.of_tests(report)


def test_command_prints_the_line_or_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "release.json", tmp_path / "integration.xml"
    good.write_text(json.dumps({"live_colour": "blue", "versions": VERSIONS}))
    bad.write_text(junit(tests=0))
    assert summary.main(["release", str(good)]) == 0
    assert capsys.readouterr().out.startswith("blue is live")
    assert summary.main(["tests", str(bad)]) == 1
    assert capsys.readouterr().out == ""
