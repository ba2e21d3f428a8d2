"""What an idle environment costs."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from branches.cost import idle_cost


def assembly(folder: Path, *resources: tuple[str, Mapping[str, object]]) -> Path:
    nested = folder / "assembly-Environment"
    nested.mkdir()
    body = {str(number): {"Type": kind, "Properties": p} for number, (kind, p) in enumerate(resources)}
    (nested / "one.template.json").write_text(json.dumps({"Resources": body}))
    return folder


def test_what_runs_all_day_is_priced_and_the_rest_is_free(tmp_path: Path) -> None:
    scaling = {"ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5}}
    priced = idle_cost(
        assembly(
            tmp_path,
            ("AWS::EC2::NatGateway", {}),
            ("AWS::WAFv2::WebACL", {"Rules": [1, 2]}),
            ("AWS::CloudWatch::Alarm", {"Period": 10}),
            ("AWS::CloudWatch::Alarm", {"Period": 60}),
            ("AWS::RDS::DBCluster", scaling),
            ("AWS::Lambda::Function", {}),
        )
    )
    assert sum(priced.dollars_per_month.values()) == pytest.approx(0.8 + 32.85 + 5 + 2 + 0.3 + 0.1 + 43.8)
    assert str(priced) == "2.79 $ (prices of 2026-11)"


def test_a_database_that_pauses_costs_nothing_while_it_does(tmp_path: Path) -> None:
    scaling = {"ServerlessV2ScalingConfiguration": {"MinCapacity": 0}}
    priced = idle_cost(assembly(tmp_path, ("AWS::RDS::DBCluster", scaling)))
    assert sum(priced.dollars_per_month.values()) == pytest.approx(0.8)


def test_an_alarm_on_a_calculation_pays_for_each_of_its_metrics(tmp_path: Path) -> None:
    looks_at = [{"MetricStat": {"Period": 10}}, {"MetricStat": {"Period": 60}}, {"Expression": "a / b"}]
    priced = idle_cost(assembly(tmp_path, ("AWS::CloudWatch::Alarm", {"Metrics": looks_at})))
    assert sum(priced.dollars_per_month.values()) == pytest.approx(0.8 + 0.3 + 0.1)


def test_a_type_that_nobody_has_priced_is_named(tmp_path: Path) -> None:
    assert "without AWS::Kinesis::Stream" in str(idle_cost(assembly(tmp_path, ("AWS::Kinesis::Stream", {}))))


def test_an_empty_folder_is_no_cheap_environment(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        idle_cost(tmp_path)
