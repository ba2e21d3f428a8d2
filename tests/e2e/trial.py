"""What every long or short run against a deployed environment needs: its size, its seed, and a look behind the API."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import psutil
import requests
from boto3.dynamodb.types import TypeDeserializer

from local.merchant import Answer, Merchant
from local.single_environment import Environment

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PAYING = ("validation", "processing", "fraud")
TABLES = ("transactions", "idempotency", "velocity")
POLL_SECONDS = 0.05
NO_LIMIT = 1_000_000_000
REPEAT_SECONDS = 0.25
ANSWERED_WITHIN_SECONDS = 60.0
# Too many, or nobody there: a merchant comes again.
REPEATED_STATUSES = frozenset({429, 502, 503, 504})

Result = TypeVar("Result")
Item = dict[str, Any]


@dataclass(kw_only=True)
class Trial:
    """One run of a test. `full` is what `make acceptance` asks for; else it is the small one of `make test`.

    Everything that is drawn comes from `random`, and so from `seed`.
    """

    environment: Environment
    full: bool
    seed: int
    random: random.Random
    figures: list[str] = field(default_factory=list)

    @property
    def suffix(self) -> str:
        return self.environment.target.suffix

    def size(self, *, small: int, full: int) -> int:
        return full if self.full else small

    def say(self, figure: str) -> None:
        """Something that was measured; shown when all tests are over."""
        self.figures.append(figure)

    def merchant(self) -> Merchant:
        return self.environment.merchant()

    def name(self, what: str) -> str:
        """An id that no other run uses, and this seed always: `cus_<what>_<digits>`. Not sixteen digits in a row, which
        could be taken for a card number."""
        return f"cus_{what}_{self.random.getrandbits(32):08x}_{self.random.getrandbits(32):08x}"

    def written(self) -> dict[str, Item]:
        """Every item of the environment's three tables, by table and key."""
        found = {}
        for table in TABLES:
            for item in self._scan(table):
                found[f"{table} {item['pk']['S']} {item['sk']['S'] if 'sk' in item else ''}"] = item
        return found

    def writes_since(self, before: Mapping[str, Item]) -> list[str]:
        """Which items are new, changed or gone since `before`. What has expired may go at any time."""
        now, seconds = self.written(), time.time()
        gone = [
            name
            for name in before.keys() - now.keys()
            if float(before[name].get("expires_at", {}).get("N", "inf")) > seconds
        ]
        return sorted([*gone, *(name for name, item in now.items() if before.get(name) != item)])

    @cached_property
    def _dynamodb(self) -> DynamoDBClient:
        return self.environment.session().client("dynamodb")

    def _scan(self, table: str) -> list[Item]:
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=f"payment-{self.suffix}-{table}", ConsistentRead=True
        )
        return [item for page in pages for item in page["Items"]]

    def items(self, table: str) -> list[Item]:
        read = TypeDeserializer().deserialize
        return [{name: read(value) for name, value in item.items()} for item in self._scan(table)]

    def payments(self, customers: set[str]) -> list[Item]:
        """The present state of all payments of these customers, from the table itself."""
        return [
            item for item in self.items("transactions") if item["sk"] == "META" and item["customer_id"] in customers
        ]

    def workers(self, function: str = "") -> list[psutil.Process]:
        """The processes that serve a function of the environment, or all of its functions."""
        found = []
        for process in psutil.Process(self.environment.engine_pid).children():
            try:
                name = process.environ().get("AWS_LAMBDA_FUNCTION_NAME", "")
            except psutil.Error:
                continue
            if name.startswith(f"payment-{self.suffix}-{function}"):
                found.append(process)
        return found

    @contextmanager
    def configured(self, **tunables: object) -> Iterator[None]:
        """Run the block under other tunables, named `like_this`. They hold at once: functions, which cache theirs for
        a minute, start anew."""
        ssm = self.environment.session().client("ssm")
        wanted = {name.replace("_", "-"): str(value) for name, value in tunables.items()}
        before = {name: self.parameters()[name] for name in wanted}

        def put(values: Mapping[str, str]) -> None:
            for name, value in values.items():
                ssm.put_parameter(Name=self._prefix + name, Value=value, Type="String", Overwrite=True)
            self.restart_functions()

        put(wanted)
        try:
            yield
        finally:
            put(before)

    def without_velocity_limits(self) -> AbstractContextManager[None]:
        """Few cards and customers pay more often here than any person would."""
        limits = [name.replace("-", "_") for name in self.parameters() if name.startswith("velocity-limit")]
        return self.configured(velocity_window_seconds=1, **dict.fromkeys(limits, NO_LIMIT))

    def parameters(self) -> dict[str, str]:
        """The environment's configuration, by the last part of the name."""
        pages = self.environment.session().client("ssm").get_paginator("get_parameters_by_path")
        return {
            parameter["Name"].removeprefix(self._prefix): parameter["Value"]
            for page in pages.paginate(Path=self._prefix, Recursive=True)
            for parameter in page["Parameters"]
        }

    @property
    def _prefix(self) -> str:
        return f"/payment/{self.suffix}/config/"

    def restart_functions(self) -> None:
        """End every worker that serves payments; the next request starts new ones."""
        ended = [worker for function in PAYING for worker in self.workers(function)]
        for process in ended:
            process.kill()
        psutil.wait_procs(ended, timeout=10)


def at_once(calls: Sequence[Callable[[], Result]], *, clients: int = 0) -> list[Result]:
    """The results of all calls, in their order; as many at a time as there are `clients`, or all."""
    with ThreadPoolExecutor(clients or len(calls)) as pool:
        return [work.result() for work in [pool.submit(call) for call in calls]]


def wait_for(look: Callable[[], Result], *, within: float, what: str, every: float = POLL_SECONDS) -> Result:
    """The first true result of `look`, which is asked again after `every` seconds."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {within:.0f} s: {what}"
        time.sleep(every)
    return found


def until_answered(call: Callable[[], Answer], *, within: float = ANSWERED_WITHIN_SECONDS) -> Answer:
    """The first answer that is final, as a merchant gets it who repeats what may be repeated: with the same key."""
    deadline = time.monotonic() + within
    while True:
        try:
            answer = call()
        except requests.RequestException as error:
            # Not chained: the cause may hold what was sent.
            failure = type(error).__name__
        else:
            if answer.status not in REPEATED_STATUSES and answer.body.get("code") != "idempotency_in_flight":
                return answer
            failure = f"{answer.status} {answer.body.get('code')}"
        if time.monotonic() > deadline:
            raise AssertionError(f"no final answer within {within:.0f} s; the last was {failure}")
        time.sleep(REPEAT_SECONDS)
