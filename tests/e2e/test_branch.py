"""A branch on the embedded AWS, from its first push to its deletion."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.e2e.branches import Branches, pay
from tests.e2e.conftest import CHECKOUT, Released
from tests.e2e.inventory import difference


def test_a_branch_gets_an_environment_that_follows_it_and_leaves_nothing(released: Released, tmp_path: Path) -> None:
    branches = Branches.of(released.cloud, tmp_path)
    before = branches.inventory()

    first = branches.commit("the first push")
    said = branches.push(f"{first}:refs/heads/checkout")
    assert "environment checkout is being made" in said
    environment = branches.until_deployed("checkout", first)
    payment = pay(branches.merchant(environment), "cus_branch")
    assert "7 days after the last push" in branches.log_of(first)

    second = branches.commit("a further push")
    branches.push(f"{second}:refs/heads/checkout")
    environment = branches.until_deployed("checkout", second)
    read = branches.merchant(environment).read(payment)
    assert (read.status, read.body["payment_id"]) == (200, payment)
    assert read.headers["x-release-color"] == "green", "the second release is live"
    listed = subprocess.run(
        [sys.executable, "-m", "local", "status"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert f"at {second[:8]}" in listed.stdout
    assert environment["api_url"] in listed.stdout

    branches.push(":refs/heads/checkout")
    branches.until_gone("checkout")
    assert difference(before, branches.inventory()) == {}
