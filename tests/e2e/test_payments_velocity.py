"""The velocity limit holds, however many try at once."""

from __future__ import annotations

from collections import Counter

from local.merchant import Answer, Merchant
from tests.e2e.card_numbers import TestCard, draw_cards
from tests.e2e.trial import Trial, at_once, until_answered

LIMIT = 5
ATTEMPTS = 100
# So long that no window ends during the test.
WINDOW_SECONDS = 10_000_000_000


def attempts(trial: Trial, merchant: Merchant, customer: str, card: TestCard) -> tuple[list[Answer], int]:
    """The final answers of all attempts, and how often one had no outcome at first and was repeated."""
    without_outcome: list[int] = []

    def attempt(key: str) -> Answer:
        def once() -> Answer:
            answer = merchant.pay(customer, 100, card_number=card.number, cvv=card.cvv, key=key)
            if answer.status in (503, 504):
                without_outcome.append(answer.status)
            return answer

        return until_answered(once)

    keys = [trial.name("key") for _ in range(ATTEMPTS)]
    return at_once([lambda key=key: attempt(key) for key in keys]), len(without_outcome)  # type: ignore[misc]


def test_of_a_hundred_attempts_at_once_with_one_card_five_pass(trial: Trial) -> None:
    merchant = trial.merchant()
    # No score, no payment; and the customer's own limit must not be the one that is met.
    with trial.configured(
        velocity_limit_per_card=LIMIT,
        velocity_limit_per_customer=2 * ATTEMPTS,
        velocity_window_seconds=WINDOW_SECONDS,
        fraud_open_up_to_minor=0,
        fraud_budget_milliseconds=2000,
    ):
        warm_up, *cards = draw_cards(trial.random, 1 + trial.size(small=1, full=5))
        warm = trial.name("warm")
        assert until_answered(lambda: merchant.open_customer(warm)).status == 200
        attempts(trial, merchant, warm, warm_up)
        for card in cards:
            customer = trial.name("velocity")
            assert merchant.open_customer(customer).status == 200

            answers, repeated = attempts(trial, merchant, customer, card)

            outcomes = Counter(str(answer.body.get("decline_reason", answer.body["status"])) for answer in answers)
            passed = outcomes.pop("authorized")
            # An attempt that is repeated because its outcome was lost is the same attempt.
            assert passed == LIMIT
            assert outcomes == {"velocity_exceeded": ATTEMPTS - passed}
            stored = Counter(str(payment["state"]) for payment in trial.payments({customer}))
            assert stored == {"authorized": passed, "declined": ATTEMPTS - passed}
            trial.say(f"{ATTEMPTS} attempts at once: {passed} passed, {repeated} repeated after a 503 or 504")
