"""`python -m bench`: a payment against an empty function behind the same API and load balancer, in one run."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench.empty_function import add_empty_function
from bench.load import Load, Measured
from local.assembly import read_assembly
from local.single_environment import Environment, running_environment

CHECKOUT = Path(__file__).resolve().parents[1]
SUFFIX = "dev"
WARM_UP, REQUESTS, CLIENTS = 40, 300, 4


def main() -> int:
    print("deploying an environment to measure", flush=True)
    assembly = read_assembly(CHECKOUT / "cdk.out")
    with (
        tempfile.TemporaryDirectory(prefix="payment-bench-") as folder,
        running_environment(assembly, suffix=SUFFIX, checkout=CHECKOUT, folder=Path(folder)) as environment,
    ):
        report(*measure(environment))
    return 0


def measure(environment: Environment) -> tuple[Measured, Measured]:
    """The empty function and the payment, with the same body, the same signature and as many clients."""
    allow_many_payments(environment)
    empty_url = add_empty_function(environment.session(), environment.outputs)
    payment_url = environment.outputs["ApiUrl"].rstrip("/") + "/payments"
    load = Load(endpoint=environment.endpoint, account=environment.target.account)
    load.open_customers(environment.outputs["ApiUrl"], clients=CLIENTS)
    for url in (empty_url, payment_url):
        load.run(url, requests=WARM_UP, clients=CLIENTS)
    # Alternately, so that a busy moment of the machine hits both.
    halves = [load.run(url, requests=REQUESTS // 2, clients=CLIENTS) for url in (empty_url, payment_url) * 2]
    return halves[0] + halves[2], halves[1] + halves[3]


def allow_many_payments(environment: Environment) -> None:
    """One card and one customer pay more often here than any person would."""
    client = environment.session().client("ssm")
    for subject in ("card", "customer"):
        client.put_parameter(
            Name=f"/payment/{environment.target.suffix}/config/velocity-limit-per-{subject}",
            Value="1000000",
            Type="String",
            Overwrite=True,
        )


def report(empty: Measured, payment: Measured) -> None:
    print(f"{'':16}{'requests/s':>12}{'p50 ms':>10}{'p99 ms':>10}{'errors':>10}")
    for name, measured in (("empty function", empty), ("payment", payment)):
        print(
            f"{name:16}{measured.requests_per_second:12.1f}{measured.percentile_ms(50):10.1f}"
            f"{measured.percentile_ms(99):10.1f}{measured.errors:10d}"
        )
    print(
        f"{'payment / empty':16}{payment.requests_per_second / empty.requests_per_second:12.2f}"
        f"{payment.percentile_ms(50) / empty.percentile_ms(50):10.2f}"
        f"{payment.percentile_ms(99) / empty.percentile_ms(99):10.2f}"
    )


if __name__ == "__main__":
    sys.exit(main())
