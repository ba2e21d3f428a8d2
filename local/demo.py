"""The demo: from git push to live payments, twice, the second time with changed code."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from local.cloud import Cloud
from local.follow import Execution, follow_push
from local.merchant import Answer, Merchant
from local.pipeline.watch import Event, approve
from local.progress import Progress

# The second push changes this line of a deployed function, so that its version changes and nothing else does.
CHANGED_FILE = Path("lambda_src/transaction_processing/__init__.py")
CUSTOMER = "cus_demo"


class DemoFailed(Exception):
    """What the demo shows did not happen."""


@dataclass(kw_only=True)
class Record:
    """What happened, for the summary."""

    executions: list[Execution] = field(default_factory=list)
    payments: list[dict[str, object]] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)


def run(cloud: Cloud, progress: Progress) -> Record:
    """Push, approve, pay; push a change, see that live traffic waits for the approval, approve, see it move."""
    record = Record()
    last = cloud.assembly.targets[-1]

    record.executions.append(first_push(cloud, progress))
    for target in cloud.assembly.targets:
        before = _pay(cloud, target.suffix, record, progress)

    commit = _push_change(cloud)
    progress.say(f"git push: {commit[:8]} changes {CHANGED_FILE}")

    def look_then_approve(event: Event) -> bool:
        waiting = _pay(cloud, last.suffix, record, progress)
        if waiting.served_by != before.served_by:
            raise DemoFailed(f"before the approval live traffic moved from {before.served_by} to {waiting.served_by}")
        progress.say(f"  not approved yet: live payments are still served by {waiting.served_by}")
        return _approve(cloud, progress, event)

    record.executions.append(_follow(cloud, progress, commit, look_then_approve))
    after = _pay(cloud, last.suffix, record, progress)
    if after.served_by == before.served_by:
        raise DemoFailed(f"after the approval live traffic is still on {after.served_by}")
    record.versions = [f"{last.suffix} before: {before.served_by}", f"{last.suffix} after: {after.served_by}"]
    return record


def first_push(cloud: Cloud, progress: Progress) -> Execution:
    """Push the checkout's commit and follow it through every environment, approving where that is asked."""
    progress.say(f"git push: {cloud.head[:8]} to main")
    cloud.push_head()
    return _follow(cloud, progress, cloud.head, lambda event: _approve(cloud, progress, event))


def print_how_to(cloud: Cloud, progress: Progress) -> None:
    """What to do with a running cloud: call, push, watch, approve."""
    endpoint, tooling = cloud.endpoint.url, cloud.assembly.tooling_account
    progress.plain("")
    for target in cloud.assembly.targets:
        progress.plain(
            f"API of {target.suffix:<8} {cloud.outputs(target.suffix)['ApiUrl']}  (account {target.account})"
        )
    progress.plain(f"\nThese host names are answered by {endpoint}: send requests there with the real Host header.")
    progress.plain("\nRelease a change")
    progress.plain(f"  git push {cloud.workspace.repository} HEAD:main")
    progress.plain("Watch and approve (any AWS client works)")
    progress.plain(
        f"  export AWS_ENDPOINT_URL={endpoint} AWS_ACCESS_KEY_ID={tooling} "
        f"AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION={cloud.endpoint.region}"
    )
    progress.plain(f"  .venv/bin/aws codepipeline get-pipeline-state --name {cloud.pipeline}")
    progress.plain(
        f"  .venv/bin/aws codepipeline put-approval-result --pipeline-name {cloud.pipeline} --stage-name <stage> "
        "--action-name <action> --token <token> --result status=Approved,summary=<why>"
    )
    progress.plain("Give a branch an environment of its own, and take it away")
    progress.plain(f"  git remote add local {cloud.workspace.repository}")
    progress.plain("  git push local my-branch\n  git push local --delete my-branch")
    progress.plain("Everything at a glance, in another terminal\n  make status\n\nCtrl-C ends it all.")


def summarize(cloud: Cloud, record: Record, progress: Progress) -> None:
    """Everything that happened, on one screen."""
    progress.plain("")
    progress.plain("Executions")
    for execution in record.executions:
        stages = "  ".join(f"{name} {seconds:.0f} s" for name, seconds in execution.stage_seconds.items())
        progress.plain(f"  {execution.commit[:8]}  {execution.status}  {stages}")
    progress.plain("Releases")
    for line in record.versions:
        progress.plain(f"  {line}")
    progress.plain("Payments")
    for payment in record.payments:
        progress.plain(f"  {json.dumps(payment)}")
    progress.plain("Outputs")
    for target in cloud.assembly.targets:
        progress.plain(f"  {target.suffix}: {cloud.outputs_file(target.suffix)}")
    progress.plain(f"Logs of every build: {cloud.logs_directory}")


def _follow(cloud: Cloud, progress: Progress, commit: str, on_approval: Callable[[Event], bool]) -> Execution:
    return follow_push(
        cloud.codepipeline(), pipeline=cloud.pipeline, commit=commit, progress=progress, on_approval=on_approval
    )


def _approve(cloud: Cloud, progress: Progress, event: Event) -> bool:
    progress.say(f"  {event.stage} waits for approval: {event.message}")
    approve(cloud.codepipeline(), pipeline=cloud.pipeline, event=event, summary="approved by the demo")
    progress.say("  approved over the CodePipeline API, by the demo")
    return True


def _pay(cloud: Cloud, suffix: str, record: Record, progress: Progress) -> Answer:
    """Open the customer, pay, read the payment back. Raises DemoFailed on anything but success."""
    outputs = cloud.outputs(suffix)
    merchant = Merchant(
        endpoint=cloud.endpoint, account=cloud.assembly.target(suffix).account, api_url=outputs["ApiUrl"]
    )
    for attempt in (merchant.open_customer(CUSTOMER), paid := merchant.pay(CUSTOMER, 1099)):
        if attempt.status not in {200, 201}:
            raise DemoFailed(f"{suffix}: {attempt.status} {json.dumps(attempt.body)}")
    read = merchant.read(str(paid.body["payment_id"]))
    if read.status != 200 or read.body["payment_id"] != paid.body["payment_id"]:
        raise DemoFailed(f"{suffix}: the payment cannot be read back: {read.status} {json.dumps(read.body)}")
    progress.say(f"  paid in {suffix}: {paid.body['payment_id']} {paid.body['status']}, by {read.served_by}")
    record.payments.append({"environment": suffix, "served_by": read.served_by, **read.body})
    return read


def _push_change(cloud: Cloud) -> str:
    """Commit a change of a function in a clone of the remote and push it. Returns the commit."""
    clone = cloud.clone()
    path = clone / CHANGED_FILE
    path.write_text(path.read_text() + f"\n# Changed by the demo after {cloud.head[:8]}.\n")
    git = ("git", "-C", str(clone), "-c", "user.name=demo", "-c", "user.email=demo@example.com")
    subprocess.run([*git, "commit", "--quiet", "--all", "--message", "A change of the processing function"], check=True)
    subprocess.run([*git, "push", "--quiet", "origin", "HEAD:main"], check=True)
    done = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return done.stdout.strip()
