"""What removing an environment needs of an AWS account; tests bring an account of their own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, order=True, kw_only=True)
class Item:
    """Something of an environment that is no stack. `kind` is function, bucket, log group, parameter, …"""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, kw_only=True)
class Stack:
    """`created` orders stacks of the same environment: seconds since the epoch."""

    name: str
    status: str
    created: float


class Account(Protocol):
    """One AWS account, looked at for one environment."""

    def stacks(self) -> list[Stack]:
        """The environment's stacks, by name or by tag; deleted ones are not among them."""
        ...

    def members(self, stack: str, resource_type: str) -> list[str]:
        """Physical ids of a stack's resources of a CloudFormation type."""
        ...

    def detach(self, function: str) -> bool:
        """Take the function out of its network; says whether it was in one and is not gone."""
        ...

    def empty(self, bucket: str) -> int:
        """Delete every version of every object; returns how many. Does nothing where it is gone."""
        ...

    def protected(self, item: Item) -> str | None:
        """Why nobody may delete a bucket or a table, or None where that is allowed: a lock on its objects, or a
        protection that a person has to lift first."""
        ...

    def delete_stack(self, name: str) -> None: ...

    def failure(self, stack: str) -> str:
        """The newest reason why something in the stack could not be deleted."""
        ...

    def items(self) -> list[Item]:
        """What there is of the environment, stacks and what they hold apart. Keys that wait for their end do not
        count: they cost nothing, and AWS lets nobody end them sooner than after seven days."""
        ...

    def remove(self, item: Item) -> None:
        """Does nothing where it is gone or going; it may take minutes to go."""
        ...


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def sleep(self, seconds: float) -> None: ...


Say = Callable[[str], None]
Look = Callable[[], None]
"""Asked before each thing that is done: raises where nothing more may be done."""
