"""Removing an environment."""

import pytest

from branches.cli import main
from branches.destroy import Removed, destroy
from branches.errors import LostLease, Protected, Remains
from branches.ports import Item
from release import names
from tests.branches.world import FakeAccount, FakeClock, FakeStack, whole_environment


def run(account: FakeAccount, **options: bool) -> tuple[Removed, list[str]]:
    said: list[str] = []
    removed = destroy(account, account.suffix, clock=FakeClock(), say=said.append, look=lambda: None, **options)
    return removed, said


def test_everything_goes_and_is_reported() -> None:
    account = whole_environment()
    removed, said = run(account)
    assert (account.stacks_by_name, account.loose, account.objects) == ({}, set(), {})
    assert str(removed) == "removed 7 stacks, 9 objects, 1 log group, 1 parameter, 1 secret"
    assert "removed parameter /payment/pr-12/release/state" in said


def test_functions_leave_the_network_before_the_first_stack_goes_and_the_access_goes_last() -> None:
    account = whole_environment()
    run(account)
    order = [line.split()[0] for line in account.log]
    assert order == sorted(order, reverse=True), "every detach comes before every delete"
    assert account.log[-1] == f"delete {names.access_stack('pr-12')}"


def test_a_stack_that_the_branch_added_goes_first() -> None:
    account = whole_environment()
    account.stacks_by_name["payment-pr-12-reports"] = FakeStack(
        name="payment-pr-12-reports", needs={names.stack("pr-12", "api")}
    )
    removed, _ = run(account)
    assert removed.stacks[0] == "payment-pr-12-reports"


def test_a_deployment_under_way_is_waited_for() -> None:
    account = whole_environment()
    account.stacks_by_name[names.stack("pr-12", "compute")].status = "UPDATE_IN_PROGRESS"
    account.stacks_by_name[names.stack("pr-12", "compute")].moving = 20
    removed, _ = run(account)
    assert len(removed.stacks) == 7


def test_a_stack_whose_first_change_set_was_never_executed_is_at_rest() -> None:
    account = whole_environment()
    account.stacks_by_name[names.stack("pr-12", "compute")].status = "REVIEW_IN_PROGRESS"
    removed, _ = run(account)
    assert len(removed.stacks) == 7


def test_a_stack_that_a_killed_removal_was_deleting_is_waited_for_and_not_looked_into() -> None:
    account = whole_environment()
    monitoring = account.stacks_by_name[names.stack("pr-12", "monitoring")]
    monitoring.status, monitoring.moving = "DELETE_IN_PROGRESS", 20
    removed, _ = run(account)
    assert len(removed.stacks) == 6
    assert account.stacks_by_name == {}


@pytest.mark.parametrize("done", [0, 3, 9, 15])
def test_a_removal_whose_lease_is_lost_ends_at_once(done: int) -> None:
    account, looks = whole_environment(), iter(range(done))

    def look() -> None:
        if next(looks, None) is None:
            raise LostLease("another works on it")

    with pytest.raises(LostLease):
        destroy(account, "pr-12", clock=FakeClock(), say=lambda _: None, look=look)
    removed = 3 - len(account.loose)
    assert len(account.log) + removed == done


def test_half_an_environment_is_removed_and_a_second_run_finds_nothing() -> None:
    account = whole_environment()
    for layer in ("api", "monitoring"):
        del account.stacks_by_name[names.stack("pr-12", layer)]
    assert len(run(account)[0].stacks) == 5
    assert str(run(account)[0]) == "there was nothing to remove"


def test_a_stack_that_does_not_go_is_a_failure_with_its_reason() -> None:
    account = whole_environment()
    account.stacks_by_name[names.stack("pr-12", "data")].stuck = True
    with pytest.raises(Remains, match=r"payment-pr-12-data is DELETE_FAILED: used by"):
        run(account)


def test_an_item_that_does_not_go_is_a_failure_with_its_name() -> None:
    account = whole_environment()
    account.immortal = {Item(kind="secret", name=names.database_admin_secret("pr-12"))}
    with pytest.raises(Remains, match="of pr-12 remains: secret payment/pr-12/database/admin"):
        run(account)


def test_an_item_that_takes_minutes_to_go_is_waited_for() -> None:
    account = whole_environment()
    account.slow = {Item(kind="secret", name=names.database_admin_secret("pr-12")): 60}
    assert len(run(account)[0].items) == 3


def test_a_locked_bucket_is_left_whole_and_named() -> None:
    account = whole_environment("prod")
    name = names.audit_bucket("prod", "444444444444")
    locked = Item(kind="bucket", name=name)
    account.stacks_by_name[names.stack("prod", "data")].buckets.add(name)
    account.objects[name] = 7
    account.loose.add(locked)
    account.reasons[locked] = "its records are locked"

    removed, said = run(account, permanent=True)

    assert account.objects == {name: 7}
    assert f"left bucket {name}: its records are locked" in said
    assert str(removed).endswith(f"; left, as they may not be deleted: bucket {name}")
    assert account.loose == {locked}


@pytest.mark.parametrize("suffix", ["dev", "staging", "prod"])
def test_an_environment_of_the_pipeline_goes_only_when_that_is_said(suffix: str) -> None:
    account = whole_environment(suffix)
    with pytest.raises(Protected):
        run(account)
    assert account.log == []
    assert len(run(account, permanent=True)[0].stacks) == 7


@pytest.mark.parametrize("suffix", ["dev", "staging", "prod"])
def test_it_is_refused_at_the_command_line_before_any_account_is_asked(
    suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["destroy", "--suffix", suffix]) == 1
    assert f"{suffix} is an environment of the pipeline" in capsys.readouterr().out


def test_a_suffix_that_is_none_is_refused_at_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["destroy", "--suffix", "PR_12"])
    assert "is not allowed" in capsys.readouterr().err
