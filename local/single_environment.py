"""One environment on an embedded AWS of its own, deployed without the pipeline: to measure and to break."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3

from local.assembly import Assembly, Target
from local.aws import Endpoint
from local.bootstrap import BootstrapError, CdkCli, bootstrap_account, deploy
from local.engine.launcher import Engine
from local.merchant import Merchant
from local.prerequisites import seed

TESTER = "payment-pipeline-test"
RELEASER = "payment-pipeline-release"


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A deployed environment that has migrated its database; both colours hold the same release."""

    endpoint: Endpoint
    target: Target
    engine_pid: int
    state_dir: Path
    checkout: Path
    home: Path
    outputs_file: Path
    tooling_account: str

    @property
    def outputs(self) -> Mapping[str, str]:
        found: dict[str, str] = json.loads(self.outputs_file.read_text())
        return found

    def session(self) -> boto3.Session:
        """A session of the account's administrator."""
        return self.endpoint.session(self.target.account)

    def merchant(self) -> Merchant:
        return Merchant(endpoint=self.endpoint, account=self.target.account, api_url=self.outputs["ApiUrl"])

    def step_environment(self, role: str) -> dict[str, str]:
        """Environment variables for a child process that works as a role of the pipeline's account."""
        sts = self.endpoint.session(self.tooling_account).client("sts")
        arn = f"arn:aws:iam::{self.tooling_account}:role/{role}"
        given = sts.assume_role(RoleArn=arn, RoleSessionName="step")["Credentials"]
        return self.endpoint.environment(self.tooling_account, home=self.home) | {
            "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
            "AWS_SESSION_TOKEN": given["SessionToken"],
        }

    def integration_tests(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the integration tests as the pipeline's test role does."""
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(arguments or ("integ_tests",))],
            cwd=self.checkout,
            env=self.step_environment(TESTER)
            | {
                "FLAT_OUTPUTS": str(self.outputs_file),
                "INTEGRATION_TEST_ROLE_ARN": (
                    f"arn:aws:iam::{self.target.account}:role/payment-{self.target.suffix}-integration-test"
                ),
                "PYTHONPATH": f"lambda_src:{self.checkout}",
            },
            capture_output=True,
            text=True,
            check=False,
        )


@contextmanager
def running_environment(assembly: Assembly, *, suffix: str, checkout: Path, folder: Path) -> Iterator[Environment]:
    """Deploy the assembly's environment `suffix`; end all when the block is left.

    Raises BootstrapError.
    """
    target = assembly.target(suffix)
    with Engine(state_dir=folder / "engine", node_path=checkout / "node_modules") as engine:
        environment = Environment(
            endpoint=Endpoint(url=engine.endpoint, region=target.region),
            target=target,
            engine_pid=engine.pid,
            state_dir=folder / "engine",
            checkout=checkout,
            home=folder / "home",
            outputs_file=folder / "outputs" / "flat-outputs.json",
            tooling_account=assembly.tooling_account,
        )
        seed(environment.session(), target)
        for role in (TESTER, RELEASER):
            _make_step_role(environment, role)
        cli = CdkCli(checkout=checkout, endpoint=environment.endpoint, home=environment.home)
        bootstrap_account(cli, target.account, assembly)
        deploy(cli, assembly, f"payment-{suffix}-access", account=target.account)
        _release(environment, "freeze")
        deploy(cli, assembly, f"*/{suffix.title()}/*", account=target.account)
        _release(environment, "migrate")
        _release(environment, "outputs", "--directory", str(environment.outputs_file.parent))
        yield environment


def _release(environment: Environment, command: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "release", command, "--suffix", environment.target.suffix, *arguments],
        cwd=environment.checkout,
        env=environment.endpoint.environment(environment.target.account, home=environment.home),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BootstrapError(f"release {command} failed:\n{done.stdout[-3000:]}")


def _make_step_role(environment: Environment, name: str) -> None:
    """A role of the pipeline's steps; the access stack trusts it by its name."""
    account = environment.tooling_account
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
    allow = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    iam = environment.endpoint.session(account).client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))
    iam.put_role_policy(RoleName=name, PolicyName="assume", PolicyDocument=_policy(allow))


def _policy(statement: Mapping[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
