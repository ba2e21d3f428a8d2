from __future__ import annotations

import pytest

from local.pipeline.codebuild.buildspec import parse_buildspec
from local.pipeline.errors import UnsupportedError

COMPLETE = """
version: 0.2
env:
  variables: {A: 1}
  parameter-store: {B: /b}
  secrets-manager: {C: "secret:key"}
  exported-variables: [OUT]
phases:
  install: {runtime-versions: {python: 3.11}, commands: make setup}
  build: {commands: [one, two], finally: [three]}
artifacts:
  base-directory: cdk.out
  files: "**/*"
  secondary-artifacts: {Reports: {files: [report.xml]}}
cache: {key: "k-$(codebuild-hash-files lock)", paths: [".venv/**/*"]}
"""


def test_a_complete_buildspec_is_read() -> None:
    spec = parse_buildspec(COMPLETE)
    assert [phase.name for phase in spec.phases] == ["install", "build"]
    assert spec.phases[0].commands == ("make setup",)
    assert spec.phases[0].runtime_versions == {"python": "3.11"}
    assert spec.phases[1].finally_commands == ("three",)
    assert (spec.variables, spec.parameters, spec.secrets) == ({"A": "1"}, {"B": "/b"}, {"C": "secret:key"})
    assert spec.exported == ("OUT",)
    assert spec.artifacts is not None
    assert (spec.artifacts.base_directory, spec.artifacts.files) == ("cdk.out", ("**/*",))
    assert spec.secondary["Reports"].files == ("report.xml",)
    assert spec.cache is not None
    assert spec.cache.paths == (".venv/**/*",)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("version: 0.1", "0.1"),
        ("[]", "not a mapping"),
        ("{version: 0.2, reports: {}}", "reports"),
        ("{version: 0.2, batch: {}}", "batch"),
        ("{version: 0.2, env: {shell: powershell.exe}}", "powershell"),
        ("{version: 0.2, env: {git-credential-helper: yes}}", "git-credential-helper"),
        ("{version: 0.2, phases: {build: {on-failure: CONTINUE}}}", "on-failure"),
        ("{version: 0.2, phases: {build: {runtime-versions: {python: 3}}}}", "runtime-versions"),
        ("{version: 0.2, phases: {test: {commands: []}}}", "test"),
        ("{version: 0.2, artifacts: {files: a, discard-paths: yes}}", "discard-paths"),
        ("{version: 0.2, cache: {paths: [a]}}", "without a key"),
        ("{version: 0.2, cache: {key: k, fallback-keys: [a], paths: [a]}}", "fallback-keys"),
    ],
)
def test_what_would_have_no_effect_is_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(UnsupportedError, match=named):
        parse_buildspec(text)
