"""Which environment belongs to a branch or to a pull request: the one place that decides it. No AWS, no CDK.

A pull request is `pr-<number>`: two forks may have a branch of the same name. A branch keeps its name where the
name can stand in resource names; any other gets a readable start and a hash of its whole ref.
"""

import hashlib
import re
from typing import Final

from release.names import RESERVED_SUFFIXES, SUFFIX_MAXIMUM_LENGTH, InvalidSuffix, validate_suffix

PERMANENT_SUFFIXES: Final = frozenset({"dev", "staging", "prod"})
"""The pipeline's own environments: no branch and no pull request ever has one of these."""
BRANCH_PREFIX: Final = "refs/heads/"
_HASH_LENGTH: Final = 6
_HEAD_LENGTH: Final = SUFFIX_MAXIMUM_LENGTH - _HASH_LENGTH - 1
_PULL_REQUEST: Final = re.compile(r"(?:refs/pull/([1-9][0-9]*)/(?:head|merge)|pr/([1-9][0-9]*))", re.ASCII)
_LOOKS_HASHED: Final = re.compile(rf".*-[0-9a-f]{{{_HASH_LENGTH}}}")
_LOOKS_NUMBERED: Final = re.compile(r"pr-?[0-9]+")


def suffix_for(ref: str) -> str:
    """The suffix of a branch (`my-branch`, `refs/heads/my-branch`) or pull request (`pr/12`, `refs/pull/12/head`).

    Deterministic; never a permanent or reserved one. Raises `InvalidSuffix` for an empty ref and for a pull request
    whose number is too long to be a name.
    """
    if not ref.startswith(BRANCH_PREFIX) and (request := _PULL_REQUEST.fullmatch(ref)):
        return suffix_for_pull_request(int(request[1] or request[2]))
    branch = ref.removeprefix(BRANCH_PREFIX)
    if not branch:
        raise InvalidSuffix("an empty ref names no branch")
    return branch if _keeps_its_name(branch) else _hashed(branch)


def suffix_for_pull_request(number: int) -> str:
    if number < 1:
        raise InvalidSuffix(f"{number} is no pull request's number")
    return validate_suffix(f"pr-{number}")


def is_permanent(suffix: str) -> bool:
    """Whether the environment is the pipeline's own. What removes environments asks this first."""
    return suffix in PERMANENT_SUFFIXES


def _keeps_its_name(branch: str) -> bool:
    """Names that look like a hashed one or like a pull request's are not kept: theirs could be the same."""
    if branch in PERMANENT_SUFFIXES | RESERVED_SUFFIXES or _LOOKS_HASHED.fullmatch(branch):
        return False
    if _LOOKS_NUMBERED.fullmatch(branch):
        return False
    try:
        validate_suffix(branch)
    except InvalidSuffix:
        return False
    return True


def _hashed(branch: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", branch.lower())
    head = re.sub(r"^[^a-z]+", "", words)[:_HEAD_LENGTH].strip("-") or "b"
    # A branch may hold what no encoding can write: git refs are bytes.
    digest = hashlib.sha256(branch.encode(errors="surrogateescape")).hexdigest()[:_HASH_LENGTH]
    return validate_suffix(f"{head}-{digest}")
