"""One environment on the embedded AWS, deployed and destroyed as an operator does it: nothing stays behind.

Also where an audit record comes from: a payment over the API, the table's stream, the audit function, the bucket.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.assembly import Target
from local.aws import Endpoint
from local.bootstrap import EXECUTION_POLICY, CdkCli
from local.engine.launcher import CHECKOUT, Engine
from local.merchant import Merchant
from local.prerequisites import seed
from release.errors import Exit
from stages.environments import REGION, environment_for
from tests.e2e.inventory import difference, inventory

SUFFIX = "dev"
RECORDED_WITHIN_SECONDS = 30
TARGET = Target(suffix=SUFFIX, account=environment_for(SUFFIX).account, region=REGION)

pytestmark = pytest.mark.acceptance


@dataclass(frozen=True, kw_only=True)
class Laboratory:
    """An account that is ready for the environment, and the commands of an operator in it."""

    endpoint: Endpoint
    session: boto3.Session
    assembly: Path
    home: Path

    def cdk(self, *arguments: str) -> None:
        CdkCli(checkout=CHECKOUT, endpoint=self.endpoint, home=self.home).run(TARGET.account, *arguments)

    def release(self, command: str, *options: str) -> None:
        subprocess.run(
            [sys.executable, "-m", "release", command, "--suffix", SUFFIX, *options],
            cwd=CHECKOUT,
            env=self.endpoint.environment(TARGET.account, home=self.home),
            check=True,
        )

    def guard(self, assembly: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "release", "guard", "--suffix", SUFFIX, "--assembly", str(assembly)],
            cwd=CHECKOUT,
            env=self.endpoint.environment(TARGET.account, home=self.home),
            check=False,
            capture_output=True,
            text=True,
        )

    def outputs(self) -> dict[str, str]:
        self.release("outputs", "--directory", str(self.home))
        found: dict[str, str] = json.loads((self.home / "flat-outputs.json").read_text())
        return found


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    home = tmp_path_factory.mktemp("environment")
    assembly = home / "cdk.out"
    subprocess.run(
        ["node_modules/.bin/cdk", "synth", "--quiet", "**", "-c", f"environmentSuffix={SUFFIX}", "-o", str(assembly)],
        cwd=CHECKOUT,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "CDK_VALIDATION": "false"},
        check=True,
    )
    with Engine(state_dir=home / "state", node_path=CHECKOUT / "node_modules") as engine:
        endpoint = Endpoint(url=engine.endpoint, region=REGION)
        made = Laboratory(
            endpoint=endpoint, session=endpoint.session(TARGET.account), assembly=assembly, home=home / "home"
        )
        seed(made.session, TARGET)
        made.cdk(
            "bootstrap", f"aws://{TARGET.account}/{REGION}", "--cloudformation-execution-policies", EXECUTION_POLICY
        )
        _deploy(made, f"payment-{SUFFIX}-access")
        made.release("freeze", "--ok-if-nothing")
        yield made


def _deploy(laboratory: Laboratory, *stacks: str) -> None:
    laboratory.cdk("deploy", *stacks, "--app", str(laboratory.assembly), "--require-approval", "never")


def _eventually(look: Callable[[], Any], *, within: float) -> Any:
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(0.2)
    return found


def test_an_environment_pays_keeps_a_trail_and_goes_without_a_trace(laboratory: Laboratory) -> None:
    before = inventory(laboratory.session)
    _deploy(laboratory, "Environment/*")
    laboratory.release("migrate")
    outputs = laboratory.outputs()

    merchant = Merchant(endpoint=laboratory.endpoint, account=TARGET.account, api_url=outputs["ApiUrl"])
    assert merchant.open_customer("cus_trail").status == 200
    paid = merchant.pay("cus_trail", 1099)
    assert (paid.status, paid.body["status"]) == (201, "authorized"), paid

    s3, bucket, prefix = laboratory.session.client("s3"), outputs["AuditBucketName"], f"{paid.body['payment_id']}/"

    def records() -> list[str]:
        return [found["Key"] for found in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])]

    keys = _eventually(lambda: len(found := records()) == 2 and found, within=RECORDED_WITHIN_SECONDS)
    documents = [json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in keys]
    assert [document["state"] for document in documents] == ["received", "authorized"]

    assert laboratory.guard(laboratory.assembly).returncode == Exit.DONE
    (template,) = laboratory.assembly.rglob("*Data*.template.json")
    without = json.loads(template.read_text())
    without["Resources"].pop("Transactions098C5767")
    changed = shutil.copytree(laboratory.assembly, laboratory.home / "changed")
    (changed / template.relative_to(laboratory.assembly)).write_text(json.dumps(without))
    refused = laboratory.guard(changed)
    assert refused.returncode == Exit.REFUSED, refused
    assert f"payment-{SUFFIX}-data/Transactions098C5767" in refused.stdout

    laboratory.cdk("destroy", "Environment/*", "--app", str(laboratory.assembly), "--force")
    left = difference(before, inventory(laboratory.session))
    assert left == {"roles": {"came": ["demo-merchant"], "went": []}}
