"""PostgreSQL killed under load: payments wait politely, reads go on, nothing that was confirmed is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.assembly import read_assembly
from local.merchant import Merchant
from local.single_environment import Environment, running_environment
from tests.e2e.conftest import CHECKOUT, Released
from tests.e2e.outage import Database, Traffic, traffic

CUSTOMER = "cus_outage"
REFUSED_WITHIN_SECONDS = 2.0
SERVICE_WITHIN_SECONDS = 30.0
WARM_PAYMENTS = 10
FAILOVER_WITHIN_SECONDS = 10.0


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    folder: Path = tmp_path_factory.mktemp("outage")
    assembly = read_assembly(CHECKOUT / "cdk.out")
    with running_environment(assembly, suffix="dev", checkout=CHECKOUT, folder=folder) as running:
        yield running


def wait_for(look: Callable[[], object], *, within: float) -> None:
    deadline = time.monotonic() + within
    while not look():
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(0.05)


def assert_kept_its_promises(seen: Traffic, merchant: Merchant) -> None:
    assert seen.statuses() <= {201, 503}
    assert all("retry-after" in refused.answer.headers for refused in seen.refused())
    assert max((refused.seconds for refused in seen.refused()), default=0.0) < REFUSED_WITHIN_SECONDS
    assert {read.answer.status for read in seen.reads} == {200}
    for paid in (each.answer for each in seen.payments if each.answer.status == 201):
        assert merchant.read(str(paid.body["payment_id"])).status == 200


def test_payments_answer_503_while_the_database_is_away_and_go_on_when_it_is_back(released: Released) -> None:
    merchant = released.merchant("dev")
    database = Database(
        session=released.cloud.endpoint.session(released.cloud.assembly.target("dev").account), suffix="dev"
    )
    assert merchant.open_customer(CUSTOMER).status == 200

    with traffic(merchant, CUSTOMER) as seen:
        back = database.kill(until=seen.refused)
        wait_for(lambda: seen.paid_since(back), within=SERVICE_WITHIN_SECONDS)

    assert_kept_its_promises(seen, merchant)


@pytest.mark.acceptance
def test_ten_kills_under_load_lose_nothing(environment: Environment) -> None:
    merchant, database = environment.merchant(), Database(session=environment.session(), suffix="dev")
    assert merchant.open_customer(CUSTOMER).status == 200

    with traffic(merchant, CUSTOMER, payers=3) as seen:
        # Each payer wakes a process of each function; on a busy machine that alone can take longer than a function may.
        wait_for(lambda: len(seen.paid_since(0.0)) > WARM_PAYMENTS, within=SERVICE_WITHIN_SECONDS)
        seen.payments.clear()
        for _ in range(10):
            before = len(seen.refused())
            back = database.kill(until=lambda before=before: len(seen.refused()) > before)  # type: ignore[misc]
            wait_for(lambda back=back: seen.paid_since(back), within=SERVICE_WITHIN_SECONDS)  # type: ignore[misc]

    assert_kept_its_promises(seen, merchant)


@pytest.mark.acceptance
def test_writes_resume_soon_after_a_failover_under_load(environment: Environment) -> None:
    merchant, rds = environment.merchant(), environment.session().client("rds")
    assert merchant.open_customer(CUSTOMER).status == 200

    with traffic(merchant, CUSTOMER) as seen:
        wait_for(lambda: len(seen.payments) > 5, within=SERVICE_WITHIN_SECONDS)
        rds.failover_db_cluster(DBClusterIdentifier="payment-dev-db")
        asked = time.monotonic()
        wait_for(
            lambda: (
                rds.describe_db_clusters(DBClusterIdentifier="payment-dev-db")["DBClusters"][0]["Status"] == "available"
            ),
            within=SERVICE_WITHIN_SECONDS,
        )
        wait_for(lambda: seen.paid_since(time.monotonic() - 0.5), within=FAILOVER_WITHIN_SECONDS)

    confirmed = sorted(paid.at for paid in seen.paid_since(asked))
    gaps = [later - earlier for earlier, later in zip([asked, *confirmed], confirmed, strict=False)]
    assert max(gaps) < FAILOVER_WITHIN_SECONDS
    assert_kept_its_promises(seen, merchant)
