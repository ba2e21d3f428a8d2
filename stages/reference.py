"""`python -m stages.reference` writes docs/api.md from the contract."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from stages.contract import Operation, document, operations

REFERENCE: Final = Path(__file__).parents[1] / "docs" / "api.md"
TEST_CARDS: Final = """\
## The sandbox

The sandbox's token provider and acquirer know these published test numbers; every other valid number is approved.

| number | outcome |
|---|---|
| 4000000000000002 | declined: `card_declined` |
| 4000000000009995 | declined: `insufficient_funds` |
| 4000000000009987 | declined: `lost_card` |
| 4000000000000341 | times out before it is taken: 503 `acquirer_unavailable`; authorised when repeated |
| 4000000000000119 | no answer: 504 `outcome_unknown`, status `unknown`; authorised when repeated |
| 4000000000006975 | no answer: 504 `outcome_unknown`, status `unknown`; declined when repeated: `card_declined` |

Amounts decide too, before the card does: of a payment, a capture or a refund its own amount, of a void the amount that
was authorised. All others are approved.

| amount in minor units | outcome |
|---|---|
| 40001, 40002, 40003 | declined: `card_declined`, `insufficient_funds`, `lost_card` |
| 40004 | times out before it is taken: 503 `acquirer_unavailable`; done when repeated |
| 40005 | no answer: 504 `outcome_unknown`; done when repeated |
| 40006 | no answer: 504 `outcome_unknown`; declined when repeated: `card_declined` |

Repeated means the same request with the same key, or the sweeper, which settles what has had no outcome for 25 seconds.
Both ask the acquirer by the id of payment or operation, so that it does everything once. Meanwhile a payment shows its
`pending_operation`, and other operations of it are answered with 409 `operation_in_flight`; an operation that the
acquirer declines is answered with 422 `operation_declined` and leaves the payment as it was. An authorisation that
nobody captures or voids is given up after `authorization-expires-days` (7 at first) and is `expired` then. Of one that
was captured in part the rest is given up, and shown as `released_minor`. From that age on, whether or not it has been
given up yet, a capture is answered with 409 `authorization_expired`; refunds of what was captured go on.

A payment counts towards its customer's day (UTC) from its authorisation on. A decline, or a void on the same day, gives
the room back; a refund does not.

More than `amount-maximum-minor` in one payment is refused with `amount_out_of_range`. It is a number of cents (1000000
at first: 10,000.00 USD): a currency with three decimals has ten times as many of its minor unit (10,000.000 BHD), one
with none the same number (1,000,000 JPY). `amount-maximum-by-currency` has the numbers of minor units of currencies
that are worth far less (at first COP, HUF, IDR, KRW and VND), as in `IDR=16000000000 KRW=14000000`. Changes are
effective within 60 s, without a deployment.
"""
UNANSWERED: Final = """\
## Answers without a problem document

A 502, 503 or 504 may come from the load balancer in front of the functions: more requests were under way than the
environment takes at once, a function was ended before it had answered, or Lambda itself did not answer. It then is a
page of `text/html` without `code`, `Retry-After` and `X-Correlation-Id`; API Gateway's `x-amzn-RequestId` names the
request in our logs instead. Every other error has a problem document. So decide by the status, and read the body only
where `Content-Type` is `application/problem+json`.

**Send the same request with the same `Idempotency-Key` again**, after a second at first and then after twice as long
each time. The same goes for a connection that broke, and for 429, by which API Gateway says that requests come too
fast.

Nothing is lost and nothing is done twice. Either the request reached no function, and nothing has happened. Or it
did, and what became of it is on record under its key: the repetition is answered with it, finishes what was half
done, or gets 409 `idempotency_in_flight` while the first one is still worked on. Only another key would make another
payment. `GET` and `PUT` have no key and may be repeated as they are.
"""
FIREWALL: Final = """\
## What the firewall refuses

Before a request's signature is looked at, AWS WAF may answer 403 `request_filtered`. It does so

- for anything like a card number in the path or the query, encoded or not: a run of 13 to 19 digits that starts with
  22 to 27 or with 3 to 6 and has no hexadecimal digit beside it. Addresses are logged on their way, and a card number
  belongs into the body's `card` only. So a customer's id cannot hold such a run either;
- for a body of more than 8 KB; no request of this API needs one KB;
- when an address has sent more than its share within five minutes (in prod 10,000 requests): slow down;
- for addresses that AWS knows to be used by bots and attackers, and for requests that look like an attack: paths,
  queries, headers or bodies with parts of scripts, names of other files, or commands.

A missing `User-Agent` is no reason. An unsigned or wrongly signed request gets 403 as well, from API Gateway itself.
"""


def reference() -> str:
    """The whole page. The order is the contract's."""
    contract = document()
    return "\n".join(
        [
            "# API",
            "",
            "Written by `make docs` from `lambda_src/openapi.json`, which is also the source of API Gateway's routes",
            "and models; the functions check bodies against the same schemas.",
            "",
            contract["info"]["description"],
            "",
            *(line for operation in operations() for line in _operation(operation)),
            *_answer("A payment", contract["components"]["schemas"]["Payment"]),
            *_problems(contract["x-problems"]),
            UNANSWERED,
            FIREWALL,
            TEST_CARDS,
        ]
    )


def _operation(operation: Operation) -> Iterator[str]:
    yield f"## {operation.method} {operation.path}"
    yield ""
    yield f"{operation.summary}. {operation.description}"
    yield ""
    for place, name, required in operation.parameters:
        yield f"- {place} `{name}`{', required' if required else ''}"
    if operation.model:
        yield from _fields("body", operation.model.schema)
    statuses = ", ".join(operation.described["responses"])
    yield f"- answers {statuses}"
    yield ""


def _answer(title: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield from _fields("field", schema)
    yield ""


def _fields(path: str, schema: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, field in schema["properties"].items():
        required = ", always there" if path == "field" else ", required"
        required = required if name in schema.get("required", ()) else ""
        rule = " ".join(_rule(field))
        yield f"- {path} `{prefix}{name}`{required}: {rule}"
        if field.get("type") == "object":
            yield from _fields(path, field, prefix=f"{prefix}{name}.")
    if not schema["properties"]:
        yield f"- {path}: an empty object"


def _rule(field: Mapping[str, Any]) -> Iterator[str]:
    yield str(field["type"])
    if "minimum" in field:
        yield f"{field['minimum']} to {field['maximum']}"
    if "enum" in field:
        yield " or ".join(f"`{value}`" for value in field["enum"])
    if "pattern" in field:
        yield f"`{field['pattern']}`"
    if "description" in field:
        yield f"({field['description'].rstrip('.')})"


def _problems(problems: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield "## Errors"
    yield ""
    yield "Errors are `application/problem+json` (RFC 9457), but for what the next section names. `code` is stable: a"
    yield "released code is never renamed or given another meaning. *Retry* says whether the same request with the same"
    yield "key may succeed later, and the header `Retry-After` when."
    yield ""
    yield "| code | status | meaning | retry |"
    yield "|---|---|---|---|"
    for code, problem in problems.items():
        status = problem["status"] or "4xx or 5xx"
        yield f"| `{code}` | {status} | {problem['title']} | {'yes' if problem['retryable'] else 'no'} |"
    yield ""


if __name__ == "__main__":
    REFERENCE.write_text(reference(), "utf-8")
