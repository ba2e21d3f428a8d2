"""How many environments fit into an account."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from branches.room import CONCURRENCY, room


def assembly(folder: Path, *resources: Mapping[str, object]) -> Path:
    body = {str(number): resource for number, resource in enumerate(resources)}
    (folder / "one.template.json").write_text(json.dumps({"Resources": body}))
    return folder


def function(reserved: int) -> dict[str, object]:
    return {"Type": "AWS::Lambda::Function", "Properties": {"ReservedConcurrentExecutions": reserved}}


@pytest.mark.parametrize(("limit", "fits"), [(1000, 90), (10, 0), (109, 0), (110, 1)])
def test_lambda_keeps_a_hundred_executions_for_itself(tmp_path: Path, limit: int, fits: int) -> None:
    synthesized = assembly(tmp_path, function(4), function(6))
    assert room(synthesized, {CONCURRENCY: limit}) == {CONCURRENCY: fits}


def test_the_default_vpc_takes_one_place(tmp_path: Path) -> None:
    assert room(assembly(tmp_path, {"Type": "AWS::EC2::VPC"})) == {"VPCs": 4}


def test_an_empty_folder_has_no_room_for_anything(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        room(tmp_path)
