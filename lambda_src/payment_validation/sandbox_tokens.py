"""A token provider without a vault: the test cards of docs and tests decide what the sandbox acquirer will do."""

import secrets

from payment_core.sandbox import SandboxOutcome, sandbox_token
from payment_validation.card import Card

# Published test numbers, which no bank has issued. Every other valid number is approved.
TEST_CARDS = {
    "4000000000000002": SandboxOutcome.CARD_DECLINED,
    "4000000000009995": SandboxOutcome.INSUFFICIENT_FUNDS,
    "4000000000009987": SandboxOutcome.LOST_CARD,
    "4000000000000119": SandboxOutcome.UNKNOWN_THEN_APPROVED,
    "4000000000006975": SandboxOutcome.UNKNOWN_THEN_DECLINED,
    "4000000000000341": SandboxOutcome.UNAVAILABLE,
}


class SandboxTokenProvider:
    """Forgets the card and keeps what the sandbox shall do with it."""

    def tokenize(self, card: Card) -> str:
        return sandbox_token(TEST_CARDS.get(card.number, SandboxOutcome.APPROVE), secrets.token_hex(12))
