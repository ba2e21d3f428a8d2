"""What a person wants to know about an environment's release, as data and as text."""

from collections.abc import Mapping
from typing import Any, TypedDict

from release.clock import utc
from release.model import Entry
from release.names import Colour
from release.observe import observe
from release.ports import Environment
from release.verify import findings

HISTORY = 5


class RuleStatus(TypedDict):
    function: str
    weights: dict[str, int]


class Status(TypedDict):
    suffix: str
    live_colour: str | None
    rules: list[RuleStatus]
    versions: dict[str, dict[str, str | None]]
    live_deployment: str | None
    recorded: list[str] | None
    operation: str | None
    previous: list[str] | None
    commit: str | None
    approved_by: str | None
    lease: str | None
    history: list[dict[str, Any]]
    stacks: dict[str, str]
    alarms_firing: list[str]
    findings: list[str]


def status(environment: Environment) -> Status:
    observed = observe(environment)
    recorded = environment.store.state()
    journal = environment.ledger.journal()
    lease = environment.ledger.lease()
    return Status(
        suffix=environment.suffix,
        live_colour=observed.live_colour,
        rules=[RuleStatus(function=r.function, weights=_plain(r.weights)) for r in observed.rules],
        versions={colour.value: dict(observed.versions[colour]) for colour in Colour},
        live_deployment=observed.deployment_id,
        recorded=recorded.to_list() if recorded else None,
        operation=journal.operation,
        previous=journal.previous.to_list() if journal.previous else None,
        commit=journal.live.commit,
        approved_by=journal.live.approved_by,
        lease=f"{lease.command} of {lease.holder}, until {utc(lease.until)} by its clock" if lease else None,
        history=[_line(entry) for entry in environment.ledger.history(HISTORY)],
        stacks={view.name: view.status for view in environment.stacks.describe()},
        alarms_firing=sorted(environment.alarms.firing()),
        findings=findings(observed, recorded, journal),
    )


def as_text(seen: Status) -> str:
    """A few lines for a terminal."""
    lines = [f"{seen['suffix']}: live colour {seen['live_colour'] or 'none'}"]
    for rule in seen["rules"]:
        lines.append(f"  {rule['function']:<11} " + "  ".join(f"{c} {w} %" for c, w in rule["weights"].items()))
    for colour, versions in seen["versions"].items():
        lines.append(f"  {colour:<11} " + "  ".join(f"{name} {version or '-'}" for name, version in versions.items()))
    lines.append(f"  API         deployment {seen['live_deployment'] or '-'}")
    if seen["commit"]:
        lines.append(f"  release     commit {seen['commit']}, approved by {seen['approved_by'] or '-'}")
    if seen["lease"]:
        lines.append(f"  lease       {seen['lease']}")
    lines.append(f"  rollback    {'possible' if seen['previous'] else 'no release before this one is recorded'}")
    unsteady = [f"{name} {state}" for name, state in seen["stacks"].items() if not state.endswith("_COMPLETE")]
    lines += [f"  stack       {line}" for line in unsteady]
    lines += [f"  ALARM       {name}" for name in seen["alarms_firing"]]
    lines += [f"  finding     {line}" for line in seen["findings"]]
    lines += [f"  {'history' if number == 0 else '':<11} {_words(line)}" for number, line in enumerate(seen["history"])]
    return "\n".join(lines)


def _line(entry: Entry) -> dict[str, Any]:
    return {
        "started_at": entry.started_at,
        "ended_at": entry.ended_at,
        "command": entry.command,
        "result": entry.result.value,
        "reason": entry.reason,
        "commit": entry.commit,
        "approved_by": entry.approved_by,
        "by": entry.by,
        "exception": entry.exception,
        "weights": [{"at": each.at, "weight_percent": each.weight_percent} for each in entry.weights],
        "live_after": entry.after.to_list() if entry.after else None,
    }


def _words(line: Mapping[str, Any]) -> str:
    weights = " → ".join(str(each["weight_percent"]) for each in line["weights"])
    return (
        f"{line['started_at'][:19]}Z to {line['ended_at'][11:19]}Z  {line['command']} {line['result']}"
        + (f" ({weights} %)" if weights else "")
        + f": {line['reason']}"
        + (f"; {line['exception']}" if line["exception"] else "")
        + f"; commit {line['commit'] or '-'}, approved by {line['approved_by'] or '-'}"
    )


def _plain(weights: Mapping[Colour, int]) -> dict[str, int]:
    return {colour.value: weights[colour] for colour in Colour}
