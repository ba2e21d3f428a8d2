"""What an approver is told comes from the reports, or the build fails."""

import json
from pathlib import Path

import pytest

from integ_tests import summary as integration
from integ_tests.environment import DEFAULT_OUTPUTS
from pipeline import summary
from pipeline.steps import TEST_REPORT
from release.status import Status

VERSIONS = {
    "blue": {"validation": "3", "processing": "3", "fraud": "2"},
    "green": {"validation": "4", "processing": "3", "fraud": "2"},
}


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


def test_tests_are_summed_up_in_the_line_that_they_write(tmp_path: Path) -> None:
    line = integration.summary_line({"passed": 41}, suffix="prod", colour="green", seconds=12, failed=[])
    assert summary.of_tests(integration.write(line, tmp_path).read_text()) == line


def test_pipeline_reads_the_line_where_the_tests_write_it() -> None:
    assert Path(TEST_REPORT) == Path(DEFAULT_OUTPUTS).parent / integration.FILE_NAME


@pytest.mark.parametrize("counts", [{}, {"skipped": 3}, {"failed": 1}])
def test_a_run_without_a_passed_test_is_no_evidence(counts: dict[str, int]) -> None:
    line = integration.summary_line(counts, suffix="prod", colour="green", seconds=12, failed=[])
    with pytest.raises(summary.UnreadableReport):
        summary.of_tests(line)


def test_command_prints_the_line_or_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "release.json", tmp_path / "tests.txt"
    good.write_text(json.dumps({"live_colour": "blue", "versions": VERSIONS}))
    bad.write_text("nothing ran")
    assert summary.main(["release", str(good)]) == 0
    assert capsys.readouterr().out.startswith("blue is live")
    assert summary.main(["tests", str(bad)]) == 1
    assert capsys.readouterr().out == ""
