"""The way of one payment through validation: check, fingerprint, tokenize, hand on."""

from payment_core.amount_limit import AmountLimit
from payment_core.clock import Clock
from payment_core.errors import DependencyUnavailable, ErrorCode
from payment_core.http import Request, Response
from payment_core.invocation import LambdaClient, NotInvoked, Unanswered, invoke
from payment_core.release_identity import Colour
from payment_validation.fingerprints import Fingerprints
from payment_validation.payment_request import PaymentRequest, read_payment_request
from payment_validation.tokens import TokenProvider

# Longer than processing lives, so that its end is seen from here.
PROCESSING_CONNECT_SECONDS = 0.5
PROCESSING_READ_SECONDS = 6.5

# What processing may say in headers; colour and version are those of the function that answers the client.
PASSED_ON_HEADERS = frozenset({"Content-Type", "Retry-After", "Idempotent-Replayed"})


class Submission:
    """Submit payments to the processing function of one's own colour."""

    def __init__(
        self,
        *,
        fingerprints: Fingerprints,
        tokens: TokenProvider,
        lambda_client: LambdaClient,
        processing_function_name: str,
        amount_maximum: AmountLimit,
        clock: Clock,
    ) -> None:
        self._fingerprints = fingerprints
        self._tokens = tokens
        self._lambda = lambda_client
        self._processing_function_name = processing_function_name
        self._amount_maximum = amount_maximum
        self._clock = clock

    def submit(self, request: Request, *, colour: Colour) -> Response:
        """Answer `POST /payments`. Raises `PaymentError`; nothing has been written before processing is called."""
        payment = read_payment_request(request, amount_maximum=self._amount_maximum, now=self._clock())
        command = self._command(payment, correlation_id=request.correlation_id)
        if request.seconds_left < PROCESSING_CONNECT_SECONDS + PROCESSING_READ_SECONDS:
            # Whoever hands on with less left may be ended while processing goes on, and nobody hears the answer.
            raise DependencyUnavailable(
                ErrorCode.PROCESSING_UNAVAILABLE, "Nothing was charged. Retry with the same key.", subject="deadline"
            )
        return self._hand_on(command, colour=colour)

    def _command(self, payment: PaymentRequest, *, correlation_id: str) -> dict[str, object]:
        """The payment as processing may know it: from here on there is no card number."""
        fingerprint = self._fingerprints.of_card(payment.card.number)
        return {
            "operation": "authorize_payment",
            "merchant_id": payment.merchant_id,
            "idempotency_key": payment.idempotency_key,
            "request_fingerprint": self._fingerprints.of_request(payment, card_fingerprint=fingerprint),
            "customer_id": payment.customer_id,
            "amount_minor": payment.money.amount_minor,
            "currency": payment.money.currency,
            "token": self._tokens.tokenize(payment.card),
            "brand": payment.card.brand,
            "bin": payment.card.bin,
            "last_four": payment.card.last_four,
            "fingerprint": fingerprint,
            "billing_country": payment.billing_country,
            "source_address": payment.source_address,
            "correlation_id": correlation_id,
        }

    def _hand_on(self, command: dict[str, object], *, colour: Colour) -> Response:
        try:
            answer = invoke(self._lambda, function_name=self._processing_function_name, colour=colour, payload=command)
            return Response(
                status=int(answer["status_code"]),
                headers={k: v for k, v in answer["headers"].items() if k in PASSED_ON_HEADERS},
                body=answer["body"],
                outcome=answer["outcome"],
            )
        except (Unanswered, KeyError) as error:
            raise DependencyUnavailable(
                ErrorCode.OUTCOME_UNKNOWN,
                "The payment may or may not have been made. Retry with the same key to learn which.",
            ) from error
        except NotInvoked as error:
            raise DependencyUnavailable(
                ErrorCode.PROCESSING_UNAVAILABLE,
                "Nothing was charged. Retry with the same key.",
            ) from error
