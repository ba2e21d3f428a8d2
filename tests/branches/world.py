"""An account that behaves like AWS where removing an environment depends on it."""

from dataclasses import asdict, dataclass, field
from typing import Any

from branches.errors import LostLease, Occupied
from branches.ports import Item, Stack
from branches.records import LEASE_SECONDS, Record, nobody
from release import names

FUNCTION, BUCKET = "AWS::Lambda::Function", "AWS::S3::Bucket"


class FakeClock:
    def __init__(self) -> None:
        self.time = 1_700_000_000.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


class FakeRecords:
    """The table with its conditions; `tests/engine/test_branch_account.py` has the real ones."""

    def __init__(self, *records: Record) -> None:
        self.items: dict[str, dict[str, Any]] = {record.suffix: asdict(record) for record in records}

    def all(self) -> list[Record]:
        return [Record(**{"suffix": suffix, **item}) for suffix, item in sorted(self.items.items())]

    def find(self, suffix: str) -> Record | None:
        return next((record for record in self.all() if record.suffix == suffix), None)

    def claim(self, suffix: str, ref: str, *, holder: str, now: float, lives_until: float) -> bool:
        item = self.items.setdefault(suffix, {"ref": ref, "lives_until": lives_until})
        if item["ref"] not in (ref, nobody(suffix)):
            raise Occupied(item["ref"])
        if item.get("holder") not in (None, "", holder) and item["leased_until"] >= now:
            return False
        item.update(ref=ref, holder=holder, leased_until=now + LEASE_SECONDS)
        return True

    def deployed(self, suffix: str, *, holder: str, **values: Any) -> None:
        assert self.items[suffix]["holder"] == holder
        self.items[suffix].update(values)

    def renew(self, suffix: str, *, holder: str, now: float) -> None:
        if self.items.get(suffix, {}).get("holder") != holder:
            raise LostLease(suffix)
        self.items[suffix]["leased_until"] = now + LEASE_SECONDS

    def release(self, suffix: str, *, holder: str) -> None:
        if self.items.get(suffix, {}).get("holder") == holder:
            del self.items[suffix]["holder"]

    def forget(self, suffix: str, *, holder: str) -> None:
        assert self.items[suffix]["holder"] == holder
        del self.items[suffix]


@dataclass(kw_only=True)
class FakeStack:
    """`needs` must still stand while this one does; `moving` is for how many looks an operation still runs."""

    name: str
    needs: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    buckets: set[str] = field(default_factory=set)
    status: str = "CREATE_COMPLETE"
    moving: int = 0
    stuck: bool = False


@dataclass(kw_only=True)
class FakeAccount:
    """Refuses what CloudFormation refuses: a network with functions in it, a bucket with objects, a used export."""

    suffix: str
    stacks_by_name: dict[str, FakeStack] = field(default_factory=dict)
    attached: set[str] = field(default_factory=set)
    objects: dict[str, int] = field(default_factory=dict)
    loose: set[Item] = field(default_factory=set)
    immortal: set[Item] = field(default_factory=set)
    slow: dict[Item, int] = field(default_factory=dict)
    """For how many looks an item is still there after it was removed."""
    leaving: dict[Item, int] = field(default_factory=dict)
    reasons: dict[Item, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    reason: str = "no failed event"

    def stacks(self) -> list[Stack]:
        for stack in self.stacks_by_name.values():
            stack.moving = max(0, stack.moving - 1)
            # Nothing moves in a stack whose first change set nobody has executed: it stays so for ever.
            if not stack.moving and stack.status != "REVIEW_IN_PROGRESS":
                stack.status = stack.status.replace("_IN_PROGRESS", "_COMPLETE")
        gone = [name for name, stack in self.stacks_by_name.items() if stack.status == "DELETE_COMPLETE"]
        for name in gone:
            del self.stacks_by_name[name]
        found = enumerate(self.stacks_by_name.values())
        return [Stack(name=s.name, status=s.status, created=float(number)) for number, s in found]

    def members(self, stack: str, resource_type: str) -> list[str]:
        found = self.stacks_by_name[stack]
        return sorted(found.functions if resource_type == FUNCTION else found.buckets)

    def detach(self, function: str) -> bool:
        self.log.append(f"detach {function}")
        known = function in self.attached
        self.attached.discard(function)
        return known

    def empty(self, bucket: str) -> int:
        return self.objects.pop(bucket, 0)

    def protected(self, item: Item) -> str | None:
        return self.reasons.get(item)

    def delete_stack(self, name: str) -> None:
        self.log.append(f"delete {name}")
        stack = self.stacks_by_name[name]
        moves = stack.status.endswith("_IN_PROGRESS") and stack.status != "REVIEW_IN_PROGRESS"
        assert not moves, f"{name} is {stack.status}"
        users = [s.name for s in self.stacks_by_name.values() if name in s.needs]
        retained = {item.name for item in self.reasons}
        full = [bucket for bucket in stack.buckets - retained if self.objects.get(bucket)]
        if users or full or stack.stuck or (name.endswith("-network") and self.attached):
            stack.status, self.reason = "DELETE_FAILED", f"used by {users}, full {full}, attached {self.attached}"
            return
        del self.stacks_by_name[name]

    def failure(self, stack: str) -> str:
        return self.reason

    def items(self) -> list[Item]:
        self.leaving = {item: looks - 1 for item, looks in self.leaving.items() if looks}
        return sorted(self.loose | set(self.leaving))

    def remove(self, item: Item) -> None:
        if item not in self.immortal:
            self.loose.discard(item)
            self.leaving[item] = self.slow.get(item, 0)


def whole_environment(suffix: str = "pr-12") -> FakeAccount:
    """The access stack and the six layers as they depend on each other, with functions, objects and loose items."""
    network, security, data, compute, api, monitoring = names.stacks(suffix)
    functions = {names.function(suffix, role) for role in (*names.FUNCTIONS, *names.UNCOLOURED_FUNCTIONS)}
    stacks = [
        FakeStack(name=names.access_stack(suffix)),
        FakeStack(name=network),
        FakeStack(name=security, needs={network}),
        FakeStack(name=data, needs={network, security}, buckets={"audit", "access-logs"}),
        FakeStack(name=compute, needs={network, security, data}, functions=functions),
        FakeStack(name=api, needs={network, compute}),
        FakeStack(name=monitoring, needs={api, data}),
    ]
    loose = {
        Item(kind="parameter", name=names.release_state_parameter(suffix)),
        Item(kind="secret", name=names.database_admin_secret(suffix)),
        Item(kind="log group", name=names.log_group(suffix, "validation")),
    }
    return FakeAccount(
        suffix=suffix,
        stacks_by_name={stack.name: stack for stack in stacks},
        attached=set(functions),
        objects={"audit": 7, "access-logs": 2},
        loose=loose,
    )
