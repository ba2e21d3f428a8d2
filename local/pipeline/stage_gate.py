"""A stage's entry lock: one execution inside, at most one waiting; a newer one takes the waiting place."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Entry(StrEnum):
    ENTERED = "entered"
    WAITING = "waiting"
    SUPERSEDED = "superseded"


@dataclass
class StageGate:
    """Holds execution numbers: they grow, so the greater one is the newer one. Zero is nobody."""

    inside: int = 0
    waiting: int = 0
    latest: int = 0

    def claim(self, number: int) -> Entry:
        """Ask to enter; ask again until the answer is not WAITING. Takes the waiting place from an older execution."""
        if number == self.inside:
            return Entry.ENTERED
        if number < self.latest or number < self.waiting:
            return Entry.SUPERSEDED
        if self.inside:
            self.waiting = number
            return Entry.WAITING
        self.inside = self.latest = number
        if self.waiting == number:
            self.waiting = 0
        return Entry.ENTERED

    def leave(self, number: int) -> None:
        """Give up the place inside or in the queue, if any."""
        if self.inside == number:
            self.inside = 0
        if self.waiting == number:
            self.waiting = 0

    def reclaim(self, number: int) -> bool:
        """Enter again for a retry: only the last one that was inside may, and only while nobody is."""
        if self.inside or self.latest != number:
            return False
        self.inside = number
        return True
