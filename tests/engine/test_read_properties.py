"""What of a template's properties nobody has looked at."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from local.engine.read_properties import refusing, unread_of
from local.engine.registry import UnsupportedPropertyError
from tests.engine.embedded import EmbeddedAws, StackFailedError

PROPERTIES = {"Name": "x", "Log": {"Target": "y", "Level": {"Api": 1}}, "Rules": [{"Id": 1}, {"Id": 2, "Days": 3}]}


@pytest.mark.parametrize(
    ("use", "unread"),
    [
        (len, {"Name", "Log", "Rules"}),
        (lambda p: p["Name"], {"Log", "Rules"}),
        (lambda p: (p["Name"], p.get("Log")["Target"], "Rules" in p), {"Log.Level", "Rules.Id", "Rules.Days"}),
        (lambda p: (dict(p), [rule["Id"] for rule in p["Rules"]]), {"Log.Target", "Log.Level", "Rules.Days"}),
        (lambda p: [*p["Rules"][1].items()], {"Name", "Log"}),
        (lambda p: {**p, **p["Log"]}, {"Log.Level.Api", "Rules.Id", "Rules.Days"}),
        (lambda p: p.copy().pop("Log").setdefault("Level"), {"Name", "Log.Target", "Log.Level.Api", "Rules"}),
        (json.dumps, set()),
        (copy.deepcopy, set()),
    ],
)
def test_what_was_not_read_is_told(use: Callable[[Any], Any], unread: set[str]) -> None:
    def forgetful(properties: Any) -> None:
        use(properties)

    assert unread_of(PROPERTIES, forgetful) == (None, unread)


def test_what_is_kept_may_be_read_later() -> None:
    store = {}

    def keep(properties: Any) -> None:
        store["log"] = properties["Log"]

    assert unread_of(PROPERTIES, keep)[1] == {"Name", "Rules"}


def test_the_answer_is_the_handler_s_and_the_template_stays_as_it_is() -> None:
    before = copy.deepcopy(PROPERTIES)

    assert unread_of(PROPERTIES, lambda properties: properties.pop("Name"))[0] == "x"

    assert before == PROPERTIES


@pytest.mark.parametrize(("ignored", "refused"), [((), "Log.Target, Name"), (("Name",), "Log.Target")])
def test_what_was_not_read_is_refused_and_what_was_made_goes(ignored: tuple[str, ...], refused: str) -> None:
    gone = []
    theirs = {
        "create": lambda _, properties, __: ("id", properties["Log"].get("Level")),
        "delete": lambda physical_id, _: gone.append(physical_id),
    }

    with pytest.raises(UnsupportedPropertyError, match=f"A::B: the embedded AWS has no behaviour for {refused}$"):
        refusing("A::B", theirs, ignored)["create"]("Id", {"Name": "x", "Log": {"Level": 1, "Target": "y"}}, "stack")

    assert gone == ["id"]


def test_what_may_be_lost_is_lost_with_all_below() -> None:
    theirs = {"create": lambda _, properties, __: ("id", {"seen": len(properties["Tags"])}), "delete": None}

    made = refusing("A::B", theirs, ("Tags",))["create"]("Id", {"Tags": [{"Key": "x"}]}, "stack")

    assert made == ("id", {"seen": 1})


def test_a_nested_property_that_ministack_skips_is_refused_by_name(engine: EmbeddedAws, account: str) -> None:
    versioning = {"Status": "Enabled", "NotOfThisWorld": {"Deep": 1}}
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": account, "VersioningConfiguration": versioning}}

    with pytest.raises(StackFailedError, match=r"no behaviour for VersioningConfiguration\.NotOfThisWorld"):
        engine.deploy({"Bucket": bucket}, account=account)

    assert engine.client("s3", account=account).list_buckets()["Buckets"] == []
