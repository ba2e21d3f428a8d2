"""Suffixes and names."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release import names
from release.names import Colour

_ALLOWED = st.from_regex(r"\A[a-z]([a-z0-9]|-(?!-)){0,10}[a-z0-9]\Z", fullmatch=True).filter(
    lambda text: text not in names.RESERVED_SUFFIXES and text.split("-")[0] not in names.RESERVED_FIRST_WORDS
)


@given(_ALLOWED)
def test_every_name_of_an_allowed_suffix_fits_its_service(suffix: str) -> None:
    assert names.validate_suffix(suffix) == suffix
    for function in names.ROUTED:
        for colour in Colour:
            assert re.fullmatch(r"[a-z0-9-]{1,32}", names.target_group(suffix, function, colour))
    assert len(names.load_balancer(suffix)) <= 32
    for bucket in (names.audit_bucket(suffix, "1" * 12), names.access_logs_bucket(suffix, "1" * 12)):
        assert re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", bucket)
    for role in (names.release_role(suffix), names.integration_test_role(suffix)):
        assert len(role) <= 64
    assert all(len(name) <= 128 for name in names.stacks(suffix))


@given(st.text(max_size=20))
def test_a_suffix_is_either_allowed_by_the_rule_or_refused_with_it(suffix: str) -> None:
    allowed = (
        len(suffix) <= 12
        and re.fullmatch(r"[a-z]([a-z0-9-]{0,10}[a-z0-9])?", suffix, re.ASCII) is not None
        and "--" not in suffix
        and suffix not in {"main", "master", "live", "tooling"}
        and suffix.split("-")[0] not in {"branches", "pipeline"}
    )
    if allowed:
        names.validate_suffix(suffix)
        return
    with pytest.raises(names.InvalidSuffix) as refusal:
        names.validate_suffix(suffix)
    assert names.SUFFIX_RULE in str(refusal.value)


@pytest.mark.parametrize(
    "suffix",
    [
        "",
        "Dev",
        "1dev",
        "-dev",
        "dev-",
        "pr--12",
        "pr_12",
        "dev\n",
        "a" * 13,
        "dév",
        "branches",
        "branches-x",
        "pipeline",
        *sorted(names.RESERVED_SUFFIXES),
    ],
)
def test_a_suffix_that_would_break_a_name_is_refused(suffix: str) -> None:
    with pytest.raises(names.InvalidSuffix):
        names.validate_suffix(suffix)


@pytest.mark.parametrize("suffix", ["dev", "staging", "prod", "pr-12", "a", "a1", "feature-1234", "branches2"])
def test_usual_suffixes_are_allowed(suffix: str) -> None:
    assert names.validate_suffix(suffix) == suffix


def test_the_other_colour_of_the_other_colour_is_the_first() -> None:
    assert {colour.other.other for colour in Colour} == set(Colour)
    assert Colour.BLUE.other is Colour.GREEN


def test_a_suffix_that_begins_like_another_shares_none_of_its_stacks() -> None:
    assert not set(names.stacks("pr")) & set(names.stacks("pr-1"))
