"""A release is new code or new configuration of a function; anything else must not look like one.

Lambda refuses to publish a version of a function that has not changed, so a false release fails a deployment.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from release.names import FUNCTIONS
from stages.configuration import Environment
from stages.constructs import dependency_layer
from stages.environments import DEV
from stages.payment_stage import PaymentStage
from tests.stages.templates import layer_templates, new_app


def release_ids(environment: Environment) -> Mapping[str, str]:
    app = new_app()
    stage = PaymentStage(app, "Dev", environment=environment)
    outputs = layer_templates(app.synth(), stage)["compute"]["Outputs"]
    return {name: outputs[f"{name.capitalize()}ReleaseId"]["Value"] for name in FUNCTIONS}


@pytest.fixture(scope="module")
def before() -> Mapping[str, str]:
    return release_ids(DEV)


def with_fraud(**changes: int) -> Environment:
    functions = {**DEV.compute.functions, "fraud": replace(DEV.compute.functions["fraud"], **changes)}
    return replace(DEV, compute=replace(DEV.compute, functions=functions))


UNCHANGED: set[str] = set()


@pytest.mark.parametrize(
    ("environment", "changed"),
    [
        pytest.param(lambda: with_fraud(memory_mib=1024), {"fraud"}, id="memory"),
        pytest.param(
            lambda: replace(DEV, compute=replace(DEV.compute, log_level="ERROR")), set(FUNCTIONS), id="log level"
        ),
        pytest.param(lambda: with_fraud(reserved_concurrency=21), UNCHANGED, id="reserved concurrency"),
        pytest.param(lambda: replace(DEV, tags={**DEV.tags, "Owner": "others"}), UNCHANGED, id="a tag"),
        pytest.param(lambda: replace(DEV, alarms=replace(DEV.alarms, latency_p99_ms=999)), UNCHANGED, id="an alarm"),
    ],
)
def test_a_change_of_data(before: Mapping[str, str], environment: Callable[[], Environment], changed: set[str]) -> None:
    after = release_ids(environment())
    assert {name for name in FUNCTIONS if after[name] != before[name]} == changed


def test_other_packages_are_a_release_of_every_function(
    before: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "python").mkdir()
    lock = tmp_path / "requirements.txt"
    lock.write_text("another lock")
    monkeypatch.setattr(dependency_layer, "LAYER", tmp_path)
    monkeypatch.setattr(dependency_layer, "LOCK", lock)
    after = release_ids(DEV)
    assert all(after[name] != before[name] for name in FUNCTIONS)
