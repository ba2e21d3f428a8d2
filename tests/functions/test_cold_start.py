"""What a cold start imports: a function's own needs and nothing else's."""

import os
import subprocess
import sys

import pytest

HEAVY = {
    "psycopg": "PostgreSQL's driver",
    "yoyo": "schema migrations",
    "aws_xray_sdk": "traces are Lambda's and the load balancer's",
    "pydantic": "Powertools' parser",
    "unittest": "tests",
    "sqlite3": "no file is a database here",
}
NEEDED = {
    "payment_validation.handler": set(),
    "fraud_detection.handler": set(),
    "transaction_processing.handler": {"psycopg"},
    "transaction_processing.sweep": set(),
    "audit_writer.handler": set(),
}


@pytest.mark.parametrize("module", NEEDED)
def test_a_function_imports_only_what_it_needs(module: str) -> None:
    program = f"import sys, {module}; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": "lambda_src"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert NEEDED[module] == HEAVY.keys() & set(done.stdout.split())
