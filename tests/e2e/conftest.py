"""One embedded AWS for all tests here, after both pushes of the demo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from local import demo
from local.cloud import Cloud, running_cloud
from local.merchant import Merchant
from local.process import refuse_second_run
from local.progress import Progress
from local.workspace import Workspace

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Released:
    """A cloud in which the demo has released two commits, and what the demo saw."""

    cloud: Cloud
    record: demo.Record

    def merchant(self, suffix: str) -> Merchant:
        account = self.cloud.assembly.target(suffix).account
        return Merchant(endpoint=self.cloud.endpoint, account=account, api_url=self.cloud.outputs(suffix)["ApiUrl"])

    def written_items(self, suffix: str) -> int:
        """How many items the three tables of an environment hold."""
        account = self.cloud.assembly.target(suffix).account
        client = self.cloud.endpoint.session(account).client("dynamodb")
        tables = (f"payment-{suffix}-{name}" for name in ("transactions", "idempotency", "velocity"))
        return sum(
            page["Count"]
            for table in tables
            for page in client.get_paginator("scan").paginate(TableName=table, Select="COUNT", ConsistentRead=True)
        )


@pytest.fixture(scope="session")
def released() -> Iterator[Released]:
    refuse_second_run(Workspace(checkout=CHECKOUT))
    progress = Progress()
    with running_cloud(CHECKOUT, progress) as cloud:
        record = demo.run(cloud, progress)
        demo.summarize(cloud, record, progress)
        yield Released(cloud=cloud, record=record)
