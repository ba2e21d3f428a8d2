"""The port through which card data leaves: it goes in, a token comes out."""

from typing import Protocol

from payment_validation.card import Card


class TokenProvider(Protocol):
    """A vault at an acquirer or a token service."""

    def tokenize(self, card: Card) -> str:
        """A token for `card` that contains nothing of its number. Raises `DependencyUnavailable`."""
        ...
