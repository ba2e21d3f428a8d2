"""Phases as CodeBuild has them, in a real shell."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from local.pipeline.codebuild.buildspec import parse_buildspec
from local.pipeline.codebuild.script import build_script, read_environment, read_phases


@dataclass(frozen=True)
class Run:
    succeeded: bool
    output: str
    phases: dict[str, str]
    reasons: dict[str, str]
    environment: dict[str, str]

    @property
    def said(self) -> list[str]:
        return [line for line in self.output.splitlines() if not line.startswith("[Container]")]


def run(tmp_path: Path, **phases: dict[str, list[str]]) -> Run:
    spec = parse_buildspec(yaml.safe_dump({"version": 0.2, "phases": phases}))
    done = subprocess.run(
        ["bash", "-c", build_script(spec, tmp_path)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    records = read_phases(tmp_path)
    return Run(
        succeeded=done.returncode == 0,
        output=done.stdout,
        phases={r.name: r.status for r in records},
        reasons={r.name: r.reason for r in records},
        environment=read_environment(tmp_path),
    )


def commands(*lines: str) -> dict[str, list[str]]:
    return {"commands": list(lines)}


ALL = {name: commands(f"echo {name}") for name in ("install", "pre_build", "build", "post_build")}


@pytest.mark.parametrize(
    ("failing", "said"),
    [
        ("", ["install", "pre_build", "build", "post_build"]),
        ("install", []),
        ("pre_build", ["install"]),
        ("build", ["install", "pre_build", "post_build"]),
        ("post_build", ["install", "pre_build", "build"]),
    ],
)
def test_a_failed_phase_ends_the_build_except_that_post_build_follows_build(
    tmp_path: Path, failing: str, said: list[str]
) -> None:
    phases = {**ALL, **({failing: commands("false", f"echo {failing}")} if failing else {})}
    done = run(tmp_path, **phases)
    assert done.said == said
    assert done.succeeded is (not failing)
    assert {n for n, status in done.phases.items() if status == "FAILED"} == ({failing.upper()} if failing else set())


def test_the_failing_command_is_named_with_its_exit_status(tmp_path: Path) -> None:
    done = run(tmp_path, build=commands("true", "sh -c 'exit 7'"))
    assert done.reasons["BUILD"] == "command 2 (sh -c 'exit 7') ended with exit status 7"


def test_finally_runs_after_a_failure_and_cannot_heal_it(tmp_path: Path) -> None:
    done = run(tmp_path, build={"commands": ["false", "echo no"], "finally": ["echo cleaned", "true"]})
    assert done.said == ["cleaned"]
    assert not done.succeeded


def test_a_failing_finally_fails_its_phase(tmp_path: Path) -> None:
    assert run(tmp_path, install={"commands": ["true"], "finally": ["false"]}, build=commands("echo no")).said == []


def test_directory_and_exports_last_for_the_whole_build(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        install=commands("mkdir sub", "cd sub", "export WORD=hello", "local_word=there"),
        build=commands('echo "$WORD $local_word $(basename "$PWD")"', "export OUT='two\nlines'"),
    )
    assert done.said == ["hello there sub"]
    assert done.environment["OUT"] == "two\nlines"


def test_a_command_that_leaves_the_shell_fails_its_phase_and_the_environment_is_still_kept(tmp_path: Path) -> None:
    done = run(tmp_path, build=commands("export OUT=kept", "exit 0", "echo no"))
    assert not done.succeeded
    assert done.said == []
    assert done.phases == {"BUILD": "FAILED"}
    assert done.environment["OUT"] == "kept"


def test_a_syntax_error_fails_only_its_own_command(tmp_path: Path) -> None:
    done = run(tmp_path, build={"commands": ["echo before", "if then"], "finally": ["echo after"]})
    assert done.said == ["before", "after"]
    assert not done.succeeded


@pytest.mark.parametrize(("command", "flag"), [("true", "1"), ("false", "0")])
def test_post_build_learns_whether_the_build_succeeds(tmp_path: Path, command: str, flag: str) -> None:
    done = run(tmp_path, build=commands(command), post_build=commands('echo "$CODEBUILD_BUILD_SUCCEEDING"'))
    assert done.said == [flag]


def test_multi_line_commands_and_here_documents_work(tmp_path: Path) -> None:
    done = run(tmp_path, build=commands("cat <<END\none $((1 + 1))\nEND\necho three"))
    assert done.said == ["one 2", "three"]


def test_a_build_that_was_killed_has_no_record(tmp_path: Path) -> None:
    assert read_phases(tmp_path) == ()
    assert read_environment(tmp_path) == {}
