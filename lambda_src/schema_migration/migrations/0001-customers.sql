-- A merchant's customers. Statements can be repeated: a migration that was killed before it was marked runs again.
create table if not exists customers (
    merchant_id text not null,
    id text not null,
    status text not null check (status in ('active', 'blocked')),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    per_payment_limit_minor bigint not null check (per_payment_limit_minor >= 0),
    daily_limit_minor bigint not null check (daily_limit_minor >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (merchant_id, id)
);

grant select, insert, update on customers to payment_application;
