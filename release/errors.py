"""What a command ends with: an exit code that a pipeline can use, and a message for a person."""

from enum import IntEnum


class Exit(IntEnum):
    """0 done · 10 nothing to do · 20 rolled back · 30 paused · 40 refused · 1 failed."""

    DONE = 0
    FAILED = 1
    NOTHING_TO_DO = 10
    ROLLED_BACK = 20
    PAUSED = 30
    REFUSED = 40


class ReleaseError(Exception):
    """The command failed; the message is safe to show."""

    exit = Exit.FAILED


class Refused(ReleaseError):
    """The command would not be safe now; nothing was changed because of it."""

    exit = Exit.REFUSED


class Busy(Refused):
    """Another command is at work on the environment."""


class NotApplied(ReleaseError):
    """AWS accepted a change, and reading it back shows something else."""


class Overtaken(ReleaseError):
    """Another command moves traffic: whatever this one did next would be wrong."""


class Interrupted(ReleaseError):
    """The process was asked to end."""
