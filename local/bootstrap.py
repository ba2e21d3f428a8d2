"""Prepare the accounts as an operator would: CDK bootstrap, the access stacks, the pipeline."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from local import child
from local.assembly import PIPELINE_STACK, Assembly
from local.aws import Endpoint

# The command mostly waits for CloudFormation.
AT_ONCE = 4
# What `cdk bootstrap` recommends; an operator narrows it (docs/getting-started.md).
EXECUTION_POLICY = "arn:aws:iam::aws:policy/AdministratorAccess"


class BootstrapError(Exception):
    """A CDK command failed; the message holds the end of its output."""


@dataclass(frozen=True, kw_only=True)
class CdkCli:
    """The CDK CLI of the checkout, pointed at the embedded AWS."""

    checkout: Path
    endpoint: Endpoint
    home: Path

    def run(self, account: str, *arguments: str) -> None:
        """Run one CDK command as an administrator of an account. Raises BootstrapError."""
        command = [str(self.checkout / "node_modules/.bin/cdk"), *arguments]
        self.home.mkdir(parents=True, exist_ok=True)
        # away from cdk.json: the assembly is synthesized already
        done = child.run(command, cwd=self.home, env=self.endpoint.environment(account, home=self.home), capture=True)
        if done.returncode != 0:
            raise BootstrapError(f"cdk {' '.join(arguments[:2])} failed:\n{done.stdout[-3000:]}")


def bootstrap_account(cli: CdkCli, account: str, assembly: Assembly) -> None:
    """`cdk bootstrap` one account; the pipeline's target accounts trust the tooling account."""
    apart = {assembly.tooling_account, assembly.branches_account}
    trust = () if account in apart else ("--trust", assembly.tooling_account)
    cli.run(
        account,
        "bootstrap",
        f"aws://{account}/{assembly.region}",
        "--cloudformation-execution-policies",
        EXECUTION_POLICY,
        *trust,
    )


def bootstrap_accounts(cli: CdkCli, assembly: Assembly) -> None:
    """All accounts of the assembly, some at a time. Whatever interrupts it ends the commands that run."""
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        for _ in pool.map(lambda account: bootstrap_account(cli, account, assembly), assembly.accounts):
            pass
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        child.end_all()
        raise
    finally:
        pool.shutdown()


def deploy(cli: CdkCli, assembly: Assembly, *stacks: str, account: str | None = None) -> None:
    """Deploy stacks of the assembly from `account` (the tooling account), through the bootstrap roles."""
    cli.run(
        account or assembly.tooling_account,
        "deploy",
        *stacks,
        "--app",
        str(assembly.directory),
        "--exclusively",
        "--require-approval",
        "never",
        "--concurrency",
        "4",
    )


def deploy_pipeline(cli: CdkCli, assembly: Assembly) -> None:
    """The access stacks of every environment, then the pipeline that assumes their roles."""
    access = [f"payment-{target.suffix}-access" for target in assembly.targets]
    deploy(cli, assembly, *access, PIPELINE_STACK)
