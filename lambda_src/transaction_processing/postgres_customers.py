"""Customers in PostgreSQL."""

from typing import Any

from payment_core.postgres import Connection
from transaction_processing.customers import Customer, CustomerStatus, CustomerTerms
from transaction_processing.database import Database

_COLUMNS = "id, merchant_id, status, currency, per_payment_limit_minor, daily_limit_minor, created_at, updated_at"
_FIND = f"select {_COLUMNS} from customers where merchant_id = %(merchant_id)s and id = %(customer_id)s"  # noqa: S608
_PUT = f"""
    insert into customers (merchant_id, id, status, currency, per_payment_limit_minor, daily_limit_minor)
    values (%(merchant_id)s, %(customer_id)s, %(status)s, %(currency)s, %(per_payment)s, %(daily)s)
    on conflict (merchant_id, id) do update set
        status = excluded.status,
        currency = excluded.currency,
        per_payment_limit_minor = excluded.per_payment_limit_minor,
        daily_limit_minor = excluded.daily_limit_minor,
        updated_at = now()
    returning {_COLUMNS}
"""  # noqa: S608 - the columns are ours


class PostgresCustomerStore:
    """Implements `CustomerStore`. Every statement may be repeated."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def find(self, *, merchant_id: str, customer_id: str) -> Customer | None:
        row = self._row(_FIND, {"merchant_id": merchant_id, "customer_id": customer_id})
        return None if row is None else _customer(row)

    def put(self, *, merchant_id: str, customer_id: str, terms: CustomerTerms) -> Customer:
        values = {
            "merchant_id": merchant_id,
            "customer_id": customer_id,
            "status": str(terms.status),
            "currency": terms.currency,
            "per_payment": terms.per_payment_limit_minor,
            "daily": terms.daily_limit_minor,
        }
        row = self._row(_PUT, values)
        if row is None:
            raise LookupError("an upsert returned no row")
        return _customer(row)

    def _row(self, statement: str, values: dict[str, Any]) -> tuple[Any, ...] | None:
        def work(connection: Connection) -> tuple[Any, ...] | None:
            return connection.execute(statement.encode(), values).fetchone()

        return self._database.run(work)


def _customer(row: tuple[Any, ...]) -> Customer:
    customer_id, merchant_id, status, currency, per_payment, daily, created_at, updated_at = row
    return Customer(
        customer_id=customer_id,
        merchant_id=merchant_id,
        terms=CustomerTerms(
            status=CustomerStatus(status),
            currency=currency,
            per_payment_limit_minor=per_payment,
            daily_limit_minor=daily,
        ),
        created_at=created_at,
        updated_at=updated_at,
    )
