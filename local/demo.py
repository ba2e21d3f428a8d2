"""The demo: from git push to live payments, then a good release, and a bad one that rolls itself back."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.cloud import Cloud
from local.follow import Execution, follow_push
from local.merchant import Answer, Merchant
from local.pipeline.watch import Event, approve, execution_of
from local.progress import Progress
from local.shop import PRICES_MINOR, SHIFT_ACTION, Shop, Trade, while_shifting

# The second push changes this line of a deployed function, so that its version changes and nothing else does.
CHANGED_FILE = Path("lambda_src/transaction_processing/__init__.py")
# The third one brings a bug that no test finds: one of the shop's prices fails.
BROKEN_FILE = Path("lambda_src/transaction_processing/handler.py")
BUG = f"""

_authorize_any_payment = _authorize_payment


def _authorize_payment(call: Call) -> Response:
    \"\"\"A bug, made for the demo: one price fails, and no test asks for it.\"\"\"
    if call.payload["amount_minor"] == {PRICES_MINOR[-1]}:
        raise RuntimeError("a price that nobody has thought of")
    return _authorize_any_payment(call)
"""
CUSTOMER = "cus_demo"


class DemoFailed(Exception):
    """What the demo shows did not happen."""


@dataclass(kw_only=True)
class Record:
    """What happened, for the summary."""

    executions: list[Execution] = field(default_factory=list)
    payments: list[dict[str, object]] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    releases: list[dict[str, Any]] = field(default_factory=list)


def run(cloud: Cloud, progress: Progress) -> Record:
    """Push, approve, pay; push a good change and a bad one, approve both, see one live and the other one go back."""
    record = Record()
    last = cloud.assembly.targets[-1].suffix

    record.executions.append(first_push(cloud, progress))
    for target in cloud.assembly.targets:
        before = _pay(cloud, target.suffix, record, progress)

    with customers(cloud).on_watch() as shop:
        bad = _release_good(cloud, record, progress, before)
        after = _pay(cloud, last, record, progress)
        if after.served_by == before.served_by:
            raise DemoFailed(f"after the approval live traffic is still on {after.served_by}")
        progress.say(f"  while it shifted, customers sent {shop.trades[-1].words()}")
        _release_bad(cloud, record, progress, bad)
        progress.say(f"  while it shifted, customers sent {shop.trades[-1].words()}")
    record.trades = shop.trades
    record.releases = cloud.status(last)["history"]
    back = _pay(cloud, last, record, progress)
    if back.served_by != after.served_by or record.releases[0]["result"] != "rolled back":
        raise DemoFailed(f"the bad release did not roll itself back: {record.releases[0]}, {back.served_by} is live")
    record.versions = [f"{last} before: {before.served_by}", f"{last} after: {after.served_by}"]
    return record


def _release_good(cloud: Cloud, record: Record, progress: Progress, before: Answer) -> str:
    """Push the good change; when it has reached the environments, push the bad one behind it. Returns its commit."""
    last = cloud.assembly.targets[-1].suffix
    good = _push_change(cloud, CHANGED_FILE, f"\n# Changed by the demo after {cloud.head[:8]}.\n", progress)
    bad: list[str] = []

    def look_then_approve(event: Event) -> bool:
        waiting = _pay(cloud, last, record, progress)
        if waiting.served_by != before.served_by:
            raise DemoFailed(f"before the approval live traffic moved from {before.served_by} to {waiting.served_by}")
        progress.say(f"  not approved yet: live payments are still served by {waiting.served_by}")
        return _approve(cloud, progress, event)

    def push_behind(stage: str) -> None:
        if stage == cloud.assembly.targets[0].suffix.capitalize():
            bad.append(_push_change(cloud, BROKEN_FILE, BUG, progress))

    record.executions.append(_follow(cloud, progress, good, look_then_approve, on_stage=push_behind))
    return bad[0]


def _release_bad(cloud: Cloud, record: Record, progress: Progress, commit: str) -> None:
    """Follow the bad change to its end: tested and approved, and yet no release."""
    stage = cloud.assembly.targets[-1].suffix.capitalize()
    progress.say(f"what became of {commit[:8]} meanwhile")
    record.executions.append(
        _follow(
            cloud,
            progress,
            commit,
            lambda event: _approve(cloud, progress, event),
            may_fail_at=f"{stage}/{SHIFT_ACTION}",
        )
    )


def customers(cloud: Cloud) -> Shop:
    """They pay in the last environment while it shifts: its plan passes no release that nobody has used."""
    target = cloud.assembly.targets[-1]
    is_open = while_shifting(cloud.codepipeline(), pipeline=cloud.pipeline, stage=target.suffix.capitalize())
    return Shop(lambda: _merchant(cloud, target.suffix), is_open)


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
    for release in record.releases:
        weights = " → ".join(str(each["weight_percent"]) for each in release["weights"])
        words = f"{release['command']} {release['result']}" + (f" ({weights} %)" if weights else "")
        progress.plain(f"  {(release['commit'] or '-')[:8]}  {words}: {release['reason']}")
    progress.plain("Customers while traffic shifted")
    for trade in record.trades:
        progress.plain(f"  {trade.words()}")
    progress.plain("Payments")
    for payment in record.payments:
        progress.plain(f"  {json.dumps(payment)}")
    progress.plain("Outputs")
    for target in cloud.assembly.targets:
        progress.plain(f"  {target.suffix}: {cloud.outputs_file(target.suffix)}")
    progress.plain(f"Logs of every build: {cloud.logs_directory}")


def _follow(
    cloud: Cloud, progress: Progress, commit: str, on_approval: Callable[[Event], bool], **more: Any
) -> Execution:
    client = cloud.codepipeline()
    return follow_push(
        client,
        pipeline=cloud.pipeline,
        commit=commit,
        progress=progress,
        on_approval=on_approval,
        execution_id=execution_of(client, pipeline=cloud.pipeline, commit=commit),
        **more,
    )


def _approve(cloud: Cloud, progress: Progress, event: Event) -> bool:
    progress.say(f"  {event.stage} waits for approval: {event.message}")
    approve(cloud.codepipeline(), pipeline=cloud.pipeline, event=event, summary="approved by the demo")
    progress.say("  approved over the CodePipeline API, by the demo")
    return True


def _pay(cloud: Cloud, suffix: str, record: Record, progress: Progress) -> Answer:
    """Open the customer, pay, read the payment back. Raises DemoFailed on anything but success."""
    merchant = _merchant(cloud, suffix)
    for attempt in (merchant.open_customer(CUSTOMER), paid := merchant.pay(CUSTOMER, 1099)):
        if attempt.status not in {200, 201}:
            raise DemoFailed(f"{suffix}: {attempt.status} {json.dumps(attempt.body)}")
    read = merchant.read(str(paid.body["payment_id"]))
    if read.status != 200 or read.body["payment_id"] != paid.body["payment_id"]:
        raise DemoFailed(f"{suffix}: the payment cannot be read back: {read.status} {json.dumps(read.body)}")
    progress.say(f"  paid in {suffix}: {paid.body['payment_id']} {paid.body['status']}, by {read.served_by}")
    record.payments.append({"environment": suffix, "served_by": read.served_by, **read.body})
    return read


def _merchant(cloud: Cloud, suffix: str) -> Merchant:
    account, outputs = cloud.assembly.target(suffix).account, cloud.outputs(suffix)
    return Merchant(endpoint=cloud.endpoint, account=account, api_url=outputs["ApiUrl"])


def _push_change(cloud: Cloud, file: Path, text: str, progress: Progress) -> str:
    """Commit an addition to a function in a clone of the remote and push it. Returns the commit."""
    clone = cloud.clone()
    path = clone / file
    path.write_text(path.read_text() + text)
    git = ("git", "-C", str(clone), "-c", "user.name=demo", "-c", "user.email=demo@example.com")
    subprocess.run([*git, "commit", "--quiet", "--all", "--message", "A change of the processing function"], check=True)
    subprocess.run([*git, "push", "--quiet", "origin", "HEAD:main"], check=True)
    done = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    commit = done.stdout.strip()
    progress.say(f"git push: {commit[:8]} changes {file}")
    return commit
