from __future__ import annotations

import json
from pathlib import Path

import pytest

from local.pipeline.codebuild.buildspec import parse_buildspec
from local.pipeline.codebuild.environment import Directories, Variable, layers, machine_environment, resolve
from local.pipeline.codebuild.logs import BuildLog, FileLog
from local.pipeline.errors import UnsupportedError
from tests.local_pipeline.cloud import FakeCloud

SPEC = parse_buildspec("{version: 0.2, env: {variables: {A: spec, B: spec, C: spec}, parameter-store: {P: /p}}}")
PROJECT = {
    "environment": {"environmentVariables": [{"name": "B", "value": "project"}, {"name": "C", "value": "project"}]}
}


def test_the_action_wins_over_the_project_and_the_project_over_the_buildspec() -> None:
    cloud = FakeCloud(parameters={"/p": "parameter"})
    values, _ = resolve(layers(SPEC, PROJECT, json.dumps([{"name": "C", "value": "action"}])), cloud.session())
    assert values == {"A": "spec", "B": "project", "C": "action", "P": "parameter"}


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("plain", '{"user":"u"}'),
        ("plain:user", "u"),
        ("plain:user:AWSCURRENT:v1", "u"),
        ("arn:aws:secretsmanager:us-east-1:1:secret:plain-AbCdEf:user::", "u"),
        ("arn:aws:secretsmanager:us-east-1:1:secret:plain-AbCdEf", '{"user":"u"}'),
    ],
)
def test_secrets_are_read_by_name_or_arn_whole_or_by_key(reference: str, value: str) -> None:
    secret = '{"user":"u"}'
    cloud = FakeCloud(secrets={"plain": secret, "arn:aws:secretsmanager:us-east-1:1:secret:plain-AbCdEf": secret})
    values, _ = resolve([Variable(name="S", value=reference, type="SECRETS_MANAGER")], cloud.session())
    assert values == {"S": value}


def test_an_unknown_type_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedError, match="VAULT"):
        resolve([Variable(name="X", value="y", type="VAULT")], FakeCloud().session())


def test_values_that_are_no_plain_text_never_reach_a_log(tmp_path: Path) -> None:
    cloud = FakeCloud(secrets={"db": "hunter22"})
    _, secret = resolve([Variable(name="S", value="db", type="SECRETS_MANAGER")], cloud.session())
    log = BuildLog([FileLog(tmp_path / "log.txt")])
    log.mask(secret)
    log.write("password is hunter22, really hunter22")
    log.close()
    assert (tmp_path / "log.txt").read_text() == "password is ***, really ***\n"


def test_a_build_gets_the_machines_network_but_not_its_credentials(tmp_path: Path) -> None:
    developer = tmp_path / "developer"
    developer.mkdir()
    (developer / ".npmrc").write_text("registry=https://registry.example.com\n")
    machine = {
        "HOME": str(developer),
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_PROFILE": "production",
        "GITHUB_TOKEN": "token",
        "PYTHONPATH": "/somewhere",
        "HTTPS_PROXY": "http://proxy.example.com",
        "NO_PROXY": "intranet.example.com",
        "PIP_CERT": "/cert.pem",
        "NPM_CONFIG_CACHE": "/big/npm",
    }
    made = machine_environment(
        machine,
        directories=Directories(root=tmp_path / "build"),
        path="/usr/bin",
        npm_prefix=tmp_path / "build/npm",
        image={"RELEASE_CLOCK_FACTOR": "0.02"},
    )
    assert not {"AWS_ACCESS_KEY_ID", "AWS_PROFILE", "GITHUB_TOKEN", "PYTHONPATH"} & set(made)
    assert made["HTTPS_PROXY"] == "http://proxy.example.com"
    assert made["NO_PROXY"] == "intranet.example.com,127.0.0.1,localhost"
    assert made["PIP_CERT"] == "/cert.pem"
    assert made["NPM_CONFIG_CACHE"] == "/big/npm"
    assert made["NPM_CONFIG_USERCONFIG"] == str(developer / ".npmrc")
    assert made["HOME"] == str(tmp_path / "build/home")
    assert made["JSII_RUNTIME_PACKAGE_CACHE_ROOT"].startswith(str(developer))
    assert made["PATH"] == f"{tmp_path / 'build/npm/bin'}:/usr/bin"
    assert made["RELEASE_CLOCK_FACTOR"] == "0.02"
