"""Finds card data in whatever somebody keeps: as it is, encoded, or hashed.

A card number is searched as it is, in hexadecimal, in base64 at each of the three places that it can begin at in a
longer text, and as MD5, SHA-1, SHA-256 or SHA-512, each raw, in hexadecimal and in base64.

A security code has three or four digits, which are in every timestamp. It counts as found where it stands behind a name
for such a code, where it is all of a JSON text that is not known to be something else, and hashed.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ahocorasick_rs import BytesAhoCorasick

ALGORITHMS = ("md5", "sha1", "sha256", "sha512")
GZIP = b"\x1f\x8b"
# What may hold three or four digits as text: access logs and what a payment shows of its card.
OTHER_FIELDS = re.compile(rb"(?i)status|latency|bytes|length|last_?four|duration|size|version|port|code")
NAMED_CODE = re.compile(rb"(?i)(?:cvv|cvc|cvn|security_?code|card_?code)[^0-9a-z]{1,8}([0-9]{3,4})(?![0-9a-z])")
JSON_TEXT = re.compile(rb'(?:\\*"([\w.$-]{1,64})\\*"\s*:\s*|[\[,]\s*)\\*"([0-9]{3,4})\\*"')


@dataclass(frozen=True, kw_only=True)
class Finding:
    """`what` never shows the card: its place in the list of those that were searched."""

    place: str
    what: str


def base64_parts(raw: bytes) -> Iterator[bytes]:
    """What base64 makes of `raw` inside of a longer text, without the letters that its neighbours decide."""
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw)
        part = encoded[(0, 2, 3)[offset] : (offset + len(raw)) * 8 // 6]
        yield part
        yield part.replace(b"+", b"-").replace(b"/", b"_")


def spellings(secret: str) -> Iterator[tuple[str, bytes]]:
    raw = secret.encode()
    yield "as it is", raw
    yield "hexadecimal", raw.hex().encode()
    yield from (("base64", part) for part in base64_parts(raw))
    yield from hashes(secret)


def hashes(secret: str) -> Iterator[tuple[str, bytes]]:
    for algorithm in ALGORITHMS:
        digest = hashlib.new(algorithm, secret.encode(), usedforsecurity=False)
        yield algorithm, digest.digest()
        yield f"{algorithm} hexadecimal", digest.hexdigest().encode()
        yield from ((f"{algorithm} base64", part) for part in base64_parts(digest.digest()))


class CardDataSearch:
    """Searches for all of the numbers and codes at once."""

    def __init__(self, *, numbers: Iterable[str], codes: Iterable[str]) -> None:
        self._codes = {code.encode() for code in codes}
        self._patterns: list[bytes] = []
        self._meaning: list[str] = []
        for index, number in enumerate(numbers):
            for spelling, pattern in spellings(number):
                self._add(f"number {index}, {spelling}", pattern)
        for index, code in enumerate(sorted(self._codes)):
            for spelling, pattern in hashes(code.decode()):
                self._add(f"code {index}, {spelling}", pattern)
        self._search = BytesAhoCorasick(self._patterns)

    def _add(self, meaning: str, pattern: bytes) -> None:
        # In lower case too: nothing that is hexadecimal shall escape by its letters.
        for variant in {pattern, pattern.lower()} if "hexadecimal" in meaning else {pattern}:
            self._patterns.append(variant)
            self._meaning.append(meaning)

    def find(self, place: str, content: bytes) -> list[Finding]:
        if content.startswith(GZIP):
            content += _unpacked(content)
        found = {self._meaning[index] for text in (content, content.lower()) for index in self._matches(text)}
        found |= {"a code behind its name" for _ in NAMED_CODE.findall(content)}
        for name, digits in JSON_TEXT.findall(content):
            if digits in self._codes and not OTHER_FIELDS.search(name):
                found.add(f"a code as text of {name.decode() or 'a list'}")
        return [Finding(place=place, what=what) for what in sorted(found)]

    def _matches(self, content: bytes) -> set[int]:
        return {index for index, _, _ in self._search.find_matches_as_indexes(content, overlapping=True)}


def _unpacked(content: bytes) -> bytes:
    try:
        return gzip.decompress(content)
    except (OSError, EOFError):
        return b""
