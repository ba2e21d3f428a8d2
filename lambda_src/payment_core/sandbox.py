"""The sandbox's vocabulary: what its token provider writes into a token and its acquirer reads from it."""

from enum import StrEnum

TOKEN_PREFIX = "tok_sandbox"  # noqa: S105 - not a secret


class SandboxOutcome(StrEnum):
    """What the sandbox acquirer will do with a token."""

    APPROVE = "approve"
    CARD_DECLINED = "card_declined"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    LOST_CARD = "lost_card"
    UNKNOWN_THEN_APPROVED = "unknown_then_approved"
    UNKNOWN_THEN_DECLINED = "unknown_then_declined"
    UNAVAILABLE = "unavailable"


def sandbox_token(outcome: SandboxOutcome, nonce: str) -> str:
    """A token that stands for `outcome`; `nonce` makes it unique and carries no meaning."""
    return f"{TOKEN_PREFIX}.{outcome}.{nonce}"


def sandbox_outcome(token: str) -> SandboxOutcome:
    """The outcome a token stands for. Raises `ValueError` for a token that is not the sandbox's."""
    prefix, _, rest = token.partition(".")
    if prefix != TOKEN_PREFIX:
        raise ValueError("not a sandbox token")
    return SandboxOutcome(rest.partition(".")[0])
