"""Controls that no template shows: what the code does, and the test that proves it."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class TestedControl:
    """`test` is a file below `tests/`, run by `make check` or `make test` on every change."""

    requirement: str
    control: str
    test: str


TESTED: Final = (
    TestedControl(
        requirement="3.3.1",
        control="Card numbers and verification values are in no log, error, trace, table or message",
        test="functions/test_no_card_data.py",
    ),
    TestedControl(
        requirement="3.5.1.1",
        control="Card numbers are compared by keyed hashes only",
        test="functions/test_fingerprints.py",
    ),
    TestedControl(
        requirement="6.2.4",
        control="What is not a well-formed request of the API's contract is refused before any code of a payment runs",
        test="functions/test_payment_request.py",
    ),
    TestedControl(
        requirement="6.5.1",
        control="No version that was not approved ever gets live traffic, whatever fails or is killed",
        test="release/test_walks.py",
    ),
    TestedControl(
        requirement="6.5.1",
        control="A change that would replace or delete what holds data stops the release",
        test="release/test_guard.py",
    ),
    TestedControl(
        requirement="6.5.1",
        control="Each release names the principal that approved it; where that cannot be known, nothing is released",
        test="release/test_approval.py",
    ),
    TestedControl(
        requirement="7.2.5",
        control="The pipeline's roles may call exactly what the release controller and the tests call",
        test="pipeline/test_access_is_exact.py",
    ),
    TestedControl(
        requirement="8.6.3",
        control="A rotation of the database's password leaves both users usable and interrupts no payment",
        test="functions/test_rotation.py",
    ),
    TestedControl(
        requirement="10.3.2",
        control="Each event of a payment becomes one record; a record that exists is never overwritten",
        test="functions/test_audit.py",
    ),
)
