"""Remove an environment by its names and tags: the code that made it is neither needed nor run."""

from dataclasses import dataclass, field
from typing import Final

from branches.errors import Protected, Remains
from branches.ports import Account, Clock, Item, Look, Say, Stack
from release import names
from release.suffix import is_permanent

_FUNCTION: Final = "AWS::Lambda::Function"
_BUCKET: Final = "AWS::S3::Bucket"
_POLL_SECONDS: Final = 2.0
# Aurora takes ten minutes; a function's network interfaces stay up to forty after its last version has gone.
_STACK_SECONDS: Final = 3600.0
# Secrets and tables are deleted in the background.
_ITEMS_SECONDS: Final = 600.0
# A change set that nobody executed: the stack has no resources, and stays so until it is deleted.
_NEVER_MADE: Final = "REVIEW_IN_PROGRESS"
_ATTEMPTS: Final = 3


@dataclass(kw_only=True)
class Removed:
    """What is gone now that was there before."""

    stacks: list[str] = field(default_factory=list)
    objects: int = 0
    items: list[Item] = field(default_factory=list)
    left: list[Item] = field(default_factory=list)
    """What may not be deleted, and was not."""

    @property
    def anything(self) -> bool:
        return bool(self.stacks or self.items)

    def __str__(self) -> str:
        if not self.anything:
            return "there was nothing to remove"
        kinds = sorted({item.kind for item in self.items})
        counted = [f"{sum(item.kind == kind for item in self.items)} {kind}" for kind in kinds]
        text = f"removed {len(self.stacks)} stacks, {self.objects} objects, " + ", ".join(counted or ["nothing else"])
        return text + (f"; left, as they may not be deleted: {', '.join(map(str, self.left))}" if self.left else "")


def destroy(account: Account, suffix: str, *, clock: Clock, say: Say, look: Look, permanent: bool = False) -> Removed:
    """Remove everything of the environment that may be deleted, and report it and what is left. Safe to repeat and to
    kill. What `look` raises ends it.

    Raises `Protected` for dev, staging and prod unless `permanent`, `Remains` when something is still there.
    """
    refuse_permanent(suffix, permanent=permanent)
    names.validate_suffix(suffix)
    removed = Removed()
    for stack in account.stacks():
        _wait_until_at_rest(account, stack.name, clock)
    found = account.stacks()
    # Before anything else: AWS takes minutes to release the interfaces, and the network cannot go before that.
    for stack in found:
        for function in account.members(stack.name, _FUNCTION):
            look()
            if account.detach(function):
                say(f"detached {function} from the network")
    for stack in deletion_order(suffix, found):
        removed.objects += _delete(account, stack, clock, say, look)
        removed.stacks.append(stack.name)
    for item in account.items():
        reason = account.protected(item)
        if reason:
            say(f"left {item}: {reason}")
            removed.left.append(item)
            continue
        look()
        account.remove(item)
        say(f"removed {item}")
        removed.items.append(item)
    _refuse_remains(account, suffix, clock, allowed=removed.left)
    return removed


def refuse_permanent(suffix: str, *, permanent: bool) -> None:
    """Raises `Protected` for dev, staging and prod unless `permanent`."""
    if is_permanent(suffix) and not permanent:
        raise Protected(
            f"{suffix} is an environment of the pipeline: it goes only with --permanent (make destroy: PERMANENT=1)"
        )


def deletion_order(suffix: str, stacks: list[Stack]) -> list[Stack]:
    """What a branch added of its own goes first, newest first; then the known layers, last deployed first; then the
    access that all of it was deployed with."""
    known = [names.access_stack(suffix), *names.stacks(suffix)]
    rank = {name: position for position, name in enumerate(known)}
    return sorted(stacks, key=lambda s: (-rank.get(s.name, len(known)), -s.created))


def _delete(account: Account, stack: Stack, clock: Clock, say: Say, look: Look) -> int:
    """Returns how many objects its buckets held. Raises `Remains`."""
    objects = 0
    started = clock.now()
    for _ in range(_ATTEMPTS):
        look()
        # Every time anew: access logs arrive late.
        objects += sum(
            account.empty(bucket)
            for bucket in account.members(stack.name, _BUCKET)
            if not account.protected(Item(kind="bucket", name=bucket))
        )
        account.delete_stack(stack.name)
        status = _wait_until_at_rest(account, stack.name, clock)
        if status is None:
            say(f"deleted stack {stack.name} in {clock.now() - started:.0f} s")
            return objects
        say(f"{stack.name} is {status}: {account.failure(stack.name)}")
    raise Remains(f"stack {stack.name} is {status}: {account.failure(stack.name)}")


def _wait_until_at_rest(account: Account, name: str, clock: Clock) -> str | None:
    """The stack's status when nothing moves in it any more; None when it is gone. Raises `Remains`."""
    deadline = clock.now() + _STACK_SECONDS
    while clock.now() < deadline:
        status = next((stack.status for stack in account.stacks() if stack.name == name), None)
        if status is None or status == _NEVER_MADE or not status.endswith("_IN_PROGRESS"):
            return status
        clock.sleep(_POLL_SECONDS)
    raise Remains(f"stack {name} is {status} for more than {_STACK_SECONDS / 60:.0f} minutes")


def _refuse_remains(account: Account, suffix: str, clock: Clock, *, allowed: list[Item]) -> None:
    deadline = clock.now() + _ITEMS_SECONDS
    while left := [
        *(f"stack {stack.name} ({stack.status})" for stack in account.stacks()),
        *(str(item) for item in account.items() if item not in allowed),
    ]:
        if clock.now() > deadline:
            raise Remains(f"of {suffix} remains: {', '.join(left)}")
        clock.sleep(_POLL_SECONDS)
