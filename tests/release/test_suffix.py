"""Which environment a branch or a pull request gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.names import RESERVED_SUFFIXES, InvalidSuffix, validate_suffix
from release.suffix import PERMANENT_SUFFIXES, suffix_for, suffix_for_pull_request

ANY_BRANCH = st.text(min_size=1, max_size=80)
# Names close to the rules: where two branches would meet if they could.
CLOSE = st.text(alphabet="abcdef0189-/_.A", min_size=1, max_size=16)
BRANCHES = st.one_of(ANY_BRANCH, CLOSE, st.sampled_from(sorted(PERMANENT_SUFFIXES | RESERVED_SUFFIXES)))


@pytest.mark.parametrize("branch", ["branches", "branches-x", "pipeline", "pipeline-api"])
def test_no_branch_gets_a_name_that_the_account_itself_uses(branch: str) -> None:
    assert suffix_for(branch).startswith(f"{branch[:5]}-")


@pytest.mark.parametrize(
    ("ref", "suffix"),
    [
        ("checkout", "checkout"),
        ("refs/heads/checkout", "checkout"),
        ("three-d-pay", "three-d-pay"),
        ("pr/12", "pr-12"),
        ("refs/pull/12/head", "pr-12"),
        ("refs/pull/12/merge", "pr-12"),
    ],
)
def test_a_name_that_can_be_kept_is_kept(ref: str, suffix: str) -> None:
    assert suffix_for(ref) == suffix


@pytest.mark.parametrize(
    ("branch", "head"),
    [
        ("feature/JIRA-123_New.Checkout", "featu-"),
        ("main", "main-"),
        ("dev", "dev-"),
        ("pr-12", "pr-12-"),
        ("pr12", "pr12-"),
        ("fix-a1b2c3", "fix-a-"),
        ("123", "b-"),
        ("ü/ñ", "b-"),
        ("--", "b-"),
        ("refs/heads/pr/12", "pr-12-"),
    ],
)
def test_any_other_name_gets_a_readable_start_and_a_hash(branch: str, head: str) -> None:
    made = suffix_for(branch)
    assert made.startswith(head)
    assert len(made) == len(head) + 6


@given(BRANCHES)
def test_every_branch_gets_a_valid_suffix_and_always_the_same(branch: str) -> None:
    made = suffix_for(f"refs/heads/{branch}")
    assert validate_suffix(made) == made
    assert made == suffix_for(f"refs/heads/{branch}")


@given(BRANCHES)
def test_no_branch_ever_gets_an_environment_of_the_pipeline(branch: str) -> None:
    assert suffix_for(f"refs/heads/{branch}") not in PERMANENT_SUFFIXES | RESERVED_SUFFIXES


@given(BRANCHES, st.integers(min_value=1, max_value=999_999_999))
def test_no_branch_gets_the_environment_of_a_pull_request(branch: str, number: int) -> None:
    assert suffix_for(f"refs/heads/{branch}") != suffix_for_pull_request(number)


@given(BRANCHES, BRANCHES)
def test_two_branches_have_two_environments(one: str, other: str) -> None:
    """Six hexadecimal digits of a hash: the environment's record refuses the one in sixteen million."""
    assert (suffix_for(f"refs/heads/{one}") == suffix_for(f"refs/heads/{other}")) is (one == other)


@given(BRANCHES)
def test_a_suffix_that_was_taken_cannot_be_asked_for_by_its_name(branch: str) -> None:
    """Pushing a branch that is called like another branch's hashed suffix does not reach that environment."""
    made = suffix_for(f"refs/heads/{branch}")
    assert suffix_for(f"refs/heads/{made}") != made or made == branch


@pytest.mark.parametrize("ref", ["", "refs/heads/", "pr/1234567890123"])
def test_what_names_nothing_is_refused(ref: str) -> None:
    with pytest.raises(InvalidSuffix):
        suffix_for(ref)
