"""DynamoDB in memory: single-item conditions, `SET` and `ADD`, and transactions, as far as the functions use them.

What it does not understand it refuses by name, so that a test cannot pass on a write that was never checked.
"""

import copy
import re
import threading
from collections.abc import Callable, Mapping
from decimal import Decimal
from operator import ge, le
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError, ReadTimeoutError

Item = dict[str, Any]
Fault = Callable[[], None]

_TOKEN = re.compile(r"\s*(<=|>=|=|<|>|\(|\)|,|[#:]?\w+)")
_SERIALIZER, _DESERIALIZER = TypeSerializer(), TypeDeserializer()


class FakeDynamoDb:
    """One item per key (`pk`, or `pk` and `sk`) per table; safe for threads."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[tuple[str, str], Item]] = {}
        self.writes = 0
        self.calls: list[str] = []
        self.conflicts = 0
        self._faults: list[tuple[str, Exception, bool]] = []
        self._lock = threading.RLock()

    def time_out(self, operation: str, *, after_writing: bool) -> None:
        """Let the next call of `operation` time out, before or after it has done its work."""
        self._faults.append((operation, ReadTimeoutError(endpoint_url="https://dynamodb.invalid"), after_writing))

    def meet_transaction(self, operation: str, *, times: int = 1) -> None:
        """Let the next calls of `operation`, a single write, be refused while a transaction writes the same item."""
        refused: Any = {"Error": {"Code": "TransactionConflictException", "Message": "ongoing"}}
        self._faults += [(operation, ClientError(refused, operation), False)] * times

    def items(self, table: str) -> list[dict[str, Any]]:
        """All items of a table as Python values."""
        return [_plain(item) for item in self.tables.get(table, {}).values()]

    def get_item(self, **request: Any) -> Any:
        assert request["ConsistentRead"] is True
        return self._serve("get_item", lambda: self._get(request))

    def batch_get_item(self, **request: Any) -> Any:
        return self._serve("batch_get_item", lambda: self._batch_get(request["RequestItems"]))

    def query(self, **request: Any) -> Any:
        """Over an index of string attributes: one partition, sorted, from a sort key on."""
        found = re.fullmatch(r"(\w+) = (:\w+)(?: AND (\w+) (>=|<=) (:\w+))?", request["KeyConditionExpression"])
        assert found, request["KeyConditionExpression"]
        partition, wanted, sort, operator, bound = found.groups()
        values, limit = request["ExpressionAttributeValues"], request["Limit"]

        def place(item: Item) -> tuple[str, str, str]:
            return item[sort or "created_at"]["S"], *_key(item)

        with self._lock:
            stored = self._table(request).values()
            hits = [item for item in stored if item.get(partition) == values[wanted]]
        if sort is not None:
            compare = {">=": ge, "<=": le}[operator]
            hits = [item for item in hits if compare(item[sort]["S"], values[bound]["S"])]
        hits.sort(key=place)
        if "ExclusiveStartKey" in request:
            start = request["ExclusiveStartKey"]
            within = sort is None or compare(start[sort]["S"], values[bound]["S"])
            if start[partition] != values[wanted] or not within:
                refused: Any = {"Error": {"Code": "ValidationException", "Message": "start is outside of the query"}}
                raise ClientError(refused, "query")
            hits = [item for item in hits if place(item) > place(start)]
        page = copy.deepcopy(hits[:limit])
        answer: Item = {"Items": page}
        if len(page) == limit:
            # As DynamoDB does it: a full page says that there may be more, even where it is the last.
            names = {"pk", "sk", partition, sort or "created_at"}
            answer["LastEvaluatedKey"] = {name: page[-1][name] for name in names}
        return answer

    def put_item(self, **request: Any) -> Any:
        return self._serve("put_item", lambda: self._single("put_item", request, self._put))

    def update_item(self, **request: Any) -> Any:
        return self._serve("update_item", lambda: self._single("update_item", request, self._update))

    def delete_item(self, **request: Any) -> Any:
        return self._serve("delete_item", lambda: self._single("delete_item", request, self._delete))

    def transact_write_items(self, **request: Any) -> Any:
        return self._serve("transact_write_items", lambda: self._transact(request["TransactItems"]))

    def _serve(self, operation: str, work: Callable[[], Any]) -> Any:
        with self._lock:
            self.calls.append(operation)
            fault = next((fault for fault in self._faults if fault[0] == operation), None)
            if fault is None:
                return work()
            self._faults.remove(fault)
            _, error, after_writing = fault
            if after_writing:
                work()
            raise error

    def _get(self, request: Item) -> Item:
        found = self._table(request).get(_key(request["Key"]))
        return {"Item": copy.deepcopy(found)} if found else {}

    def _batch_get(self, wanted: Mapping[str, Item]) -> Item:
        found = {
            table: [copy.deepcopy(self.tables[table][_key(key)]) for key in asked["Keys"] if _key(key) in rows]
            for table, asked in wanted.items()
            for rows in [self.tables.setdefault(table, {})]
        }
        return {"Responses": found, "UnprocessedKeys": {}}

    def _single(self, operation: str, request: Item, write: Callable[[Item], Item | None]) -> Item:
        before = self._table(request).get(_key(request.get("Key") or request["Item"]))
        if not _holds(request, before):
            error: Any = {"Error": {"Code": "ConditionalCheckFailedException", "Message": "refused"}}
            if request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and before:
                error["Item"] = copy.deepcopy(before)
            raise ClientError(error, operation)
        after = write(request)
        self.writes += 1
        match request.get("ReturnValues"):
            case "ALL_OLD":
                return {"Attributes": copy.deepcopy(before)} if before else {}
            case "UPDATED_NEW":
                return {"Attributes": copy.deepcopy(after)}
            case None:
                return {}
        raise NotImplementedError(str(request["ReturnValues"]))

    def _transact(self, entries: list[Item]) -> Item:
        actions = {"Put": self._put, "Update": self._update}
        writes = [(actions[kind], request) for entry in entries for kind, request in entry.items()]
        keys = [(request["TableName"], _key(request.get("Key") or request["Item"])) for _, request in writes]
        assert len(keys) == len(set(keys)), "a transaction must not name an item twice"
        codes = [
            "None" if _holds(request, self._table(request).get(key)) else "ConditionalCheckFailed"
            for (_, request), (_, key) in zip(writes, keys, strict=True)
        ]
        if self.conflicts:
            self.conflicts -= 1
            codes = ["None", "TransactionConflict", *codes[2:]]
        if any(code != "None" for code in codes):
            reasons: Any = {
                "Error": {"Code": "TransactionCanceledException", "Message": "cancelled"},
                "CancellationReasons": [{"Code": code} for code in codes],
            }
            raise ClientError(reasons, "transact_write_items")
        for write, request in writes:
            write(request)
            self.writes += 1
        return {}

    def _table(self, request: Item) -> dict[tuple[str, str], Item]:
        return self.tables.setdefault(request["TableName"], {})

    def _put(self, request: Item) -> Item:
        item: Item = copy.deepcopy(request["Item"])
        self._table(request)[_key(item)] = item
        return item

    def _delete(self, request: Item) -> None:
        self._table(request).pop(_key(request["Key"]), None)

    def _update(self, request: Item) -> Item:
        item = self._table(request).setdefault(_key(request["Key"]), dict(request["Key"]))
        names, values = request.get("ExpressionAttributeNames", {}), request["ExpressionAttributeValues"]
        clauses = re.findall(r"(SET|ADD) (.*?)(?= SET | ADD |$)", request["UpdateExpression"])
        assert " ".join(f"{verb} {body}" for verb, body in clauses) == request["UpdateExpression"]
        for verb, body in clauses:
            for action in body.split(", "):
                name, value = re.split(r" = | ", action)
                name = names.get(name, name)
                if verb == "SET":
                    item[name] = values[value]
                elif "SS" in values[value]:
                    item[name] = {"SS": sorted({*item.get(name, {"SS": []})["SS"], *values[value]["SS"]})}
                else:
                    counted = _DESERIALIZER.deserialize(item.get(name, {"N": "0"}))
                    item[name] = _SERIALIZER.serialize(counted + _DESERIALIZER.deserialize(values[value]))
        return item


def _key(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["pk"]["S"], item.get("sk", {"S": ""})["S"]


def _plain(item: Item) -> dict[str, Any]:
    values = {name: _DESERIALIZER.deserialize(value) for name, value in item.items()}
    return {name: int(value) if isinstance(value, Decimal) else value for name, value in values.items()}


def _holds(request: Item, item: Item | None) -> bool:
    expression = request.get("ConditionExpression")
    return expression is None or _Condition(expression, request, item or {}).holds()


class _Condition:
    """A recursive descent through `OR`, `AND`, brackets, comparisons and the functions that are used."""

    def __init__(self, expression: str, request: Item, item: Item) -> None:
        self._tokens = _TOKEN.findall(expression)
        assert "".join(self._tokens) == re.sub(r"\s", "", expression), expression
        self._names = request.get("ExpressionAttributeNames", {})
        self._values = request.get("ExpressionAttributeValues", {})
        self._item = item

    def holds(self) -> bool:
        result = self._either()
        assert not self._tokens, self._tokens
        return result

    def _either(self) -> bool:
        result = self._both()
        while self._next_is("OR"):
            result = self._both() or result
        return result

    def _both(self) -> bool:
        result = self._term()
        while self._next_is("AND"):
            result = self._term() and result
        return result

    def _term(self) -> bool:
        if self._next_is("("):
            result = self._either()
            assert self._next_is(")")
            return result
        if self._next_is("attribute_not_exists"):
            assert self._next_is("(")
            name = self._tokens.pop(0)
            assert self._next_is(")")
            return self._names.get(name, name) not in self._item
        if self._next_is("contains"):
            name, value = self._arguments(2)
            stored = self._item.get(self._names.get(name, name))
            return stored is not None and self._values[value]["S"] in stored["SS"]
        return self._comparison()

    def _arguments(self, count: int) -> list[str]:
        assert self._next_is("(")
        found = []
        for number in range(count):
            assert number == 0 or self._next_is(",")
            found.append(self._tokens.pop(0))
        assert self._next_is(")")
        return found

    def _comparison(self) -> bool:
        sized = self._next_is("size")
        name = self._arguments(1)[0] if sized else self._tokens.pop(0)
        operator, value = (self._tokens.pop(0) for _ in range(2))
        stored = self._item.get(self._names.get(name, name))
        if stored is None:
            return False
        left: Any = len(stored["SS"]) if sized else _DESERIALIZER.deserialize(stored)
        right: Any = _DESERIALIZER.deserialize(self._values[value])
        return bool(
            {"=": left == right, "<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[
                operator
            ]
        )

    def _next_is(self, token: str) -> bool:
        if self._tokens and self._tokens[0] == token:
            self._tokens.pop(0)
            return True
        return False
