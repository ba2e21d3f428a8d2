"""Manual approvals that wait for PutApprovalResult."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from typing import Protocol

from local.pipeline.clock import Clock
from local.pipeline.errors import AbandonedError, ApiError


@dataclass(frozen=True, kw_only=True)
class Decision:
    approved: bool
    summary: str = ""
    by: str = ""


@dataclass(kw_only=True)
class _Request:
    execution_id: str
    answered: threading.Event = field(default_factory=threading.Event)
    decision: Decision | None = None
    withdrawn: bool = False


class Approver(Protocol):
    def open(self, execution_id: str) -> str:
        """Ask; returns the token that the answer has to carry. Raises AbandonedError for a withdrawn execution."""
        ...

    def wait(self, token: str, seconds: float) -> Decision | None:
        """Wait for the answer; None when the time is over. Raises AbandonedError when nobody asks any more."""
        ...

    def withdraw(self, execution_id: str) -> None:
        """End every wait of the execution, also those that have yet to begin."""
        ...


class ApprovalDesk:
    """Requests by token. A token is good for one answer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._requests: dict[str, _Request] = {}
        self._withdrawn: set[str] = set()

    def open(self, execution_id: str) -> str:
        token = str(uuid.uuid4())
        with self._lock:
            if execution_id in self._withdrawn:
                raise AbandonedError("the execution does not ask any more")
            self._requests[token] = _Request(execution_id=execution_id)
        return token

    def wait(self, token: str, seconds: float) -> Decision | None:
        request = self._requests[token]
        self._clock.wait(request.answered, seconds)
        with self._lock:
            del self._requests[token]
        if request.withdrawn:
            raise AbandonedError("the approval is no longer asked for")
        return request.decision

    def decide(self, token: str, decision: Decision) -> None:
        """Raises ApiError for a token that is unknown or already answered."""
        with self._lock:
            request = self._requests.get(token)
            if request is None:
                raise ApiError("InvalidApprovalTokenException", "The approval token is not valid or has expired")
            if request.answered.is_set():
                raise ApiError("ApprovalAlreadyCompletedException", "The approval was already completed")
            request.decision = decision
            request.answered.set()

    def withdraw(self, execution_id: str) -> None:
        """Nobody needs to answer any more. An approval that is only about to ask learns of it too."""
        with self._lock:
            self._withdrawn.add(execution_id)
            for request in self._requests.values():
                if request.execution_id == execution_id and not request.answered.is_set():
                    request.withdrawn = True
                    request.answered.set()

    def readmit(self, execution_id: str) -> None:
        """A stopped execution is retried: it may ask again."""
        with self._lock:
            self._withdrawn.discard(execution_id)
