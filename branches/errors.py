"""How a command on a branch's environment ends when it does not succeed; the messages are safe to show."""


class BranchError(Exception):
    """The command failed."""


class Protected(BranchError):
    """The environment belongs to the pipeline, and nobody said explicitly that it shall go."""


class Occupied(BranchError):
    """Another ref has this suffix: two branches with one hash, or an environment that somebody made by hand."""


class LostLease(BranchError):
    """Another build or person works on the environment by now: whoever learns this does nothing more to it."""


class NotSetUp(BranchError):
    """The account has no records of branches."""


class Remains(BranchError):
    """Not everything of the environment could be removed."""


class Superseded(BranchError):
    """The branch has moved on or was closed while its environment was being made."""
