"""Several branches at once, and what people do to them meanwhile."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from local.branches import push_event
from tests.e2e.branches import Branches, pay
from tests.e2e.conftest import CHECKOUT, Released
from tests.e2e.inventory import difference

NAMES = ("one", "two", "three")

pytestmark = pytest.mark.acceptance


def test_three_branches_live_apart_and_leave_nothing(
    released: Released, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def timed(what: str, look: Callable[[], object]) -> None:
        began = time.monotonic()
        look()
        with capsys.disabled():
            print(f"\n  {what}: {time.monotonic() - began:.0f} s", end="")

    branches = Branches.of(released.cloud, tmp_path)
    before = branches.inventory()

    commits = {name: branches.commit(f"branch {name}") for name in NAMES}
    branches.push(*(f"{commit}:refs/heads/{name}" for name, commit in commits.items()))
    timed("three made at once", lambda: [branches.until_deployed(name, commits[name]) for name in NAMES])
    merchants = {name: branches.merchant(branches.until_deployed(name, commits[name])) for name in NAMES}
    payments = {name: pay(merchants[name], "cus_apart") for name in NAMES}
    for name, merchant in merchants.items():
        found = {other: merchant.read(payment).status for other, payment in payments.items()}
        assert found == {other: 200 if other == name else 404 for other in NAMES}

    older, newer = branches.commit("pushed first"), branches.commit("pushed right behind it")
    branches.push(f"{older}:refs/heads/two")
    branches.push(f"{newer}:refs/heads/two")
    timed("the newer of two pushes deployed", lambda: branches.until_deployed("two", newer))
    branches.eventually(lambda: not branches.at_work(), "the end of all builds")
    assert any(words in branches.log_of(older) for words in ("is at " + newer[:8], "given up"))

    closed = branches.commit("closed while it is deployed")
    branches.push(f"{closed}:refs/heads/one")
    branches.eventually(lambda: "\ndeploy …" in branches.log_of(closed), "its deployment")
    branches.push(":refs/heads/one")
    timed("closed in the middle of its deployment, and gone", lambda: branches.until_gone("one"))
    push_event(CHECKOUT, released.cloud.endpoint, branch="one", commit=closed, closed=False)
    branches.eventually(lambda: "there was nothing to remove" in branches.log_of(closed), "the late event's build")
    branches.until_gone("one")

    # Nobody hears of it: as if the webhook's event had been lost.
    subprocess.run(
        ["git", "-C", str(released.cloud.workspace.repository), "update-ref", "-d", "refs/heads/three"], check=True
    )
    would = branches.by_hand("janitor", "--dry-run")
    assert "three would go: branch/three is closed" in would
    assert "two stays" in would
    assert branches.record("three")
    timed("the forgotten one found and removed by the janitor", branches.sweep)
    assert branches.record("three") is None
    assert branches.record("two")

    timed("the last one removed by hand", lambda: branches.by_hand("destroy", "--suffix", "two"))
    branches.push(":refs/heads/two")
    branches.until_gone("two")
    assert difference(before, branches.inventory()) == {}
