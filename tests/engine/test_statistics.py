"""Statistics of single values.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

from __future__ import annotations

import pytest

from local.engine.cloudwatch.errors import UnsupportedError
from local.engine.cloudwatch.series import Grid, aggregate

SECOND = Grid(start=0.0, end=2.0, period=1.0)
POINTS = [{"Timestamp": 0.0, "Value": value} for value in (100.0, 500.0, 500.5, 900.0)]


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [("TC(500:)", 2), ("TC(:500)", 2), ("TC(100:500.5)", 2), ("TC(900:)", 0), ("TC(:)", 4), ("SampleCount", 4)],
)
def test_a_trimmed_count_is_of_what_lies_above_the_first_and_not_above_the_second(
    statistic: str, expected: int
) -> None:
    assert aggregate(POINTS, statistic=statistic, grid=SECOND) == {0.0: expected}


@pytest.mark.parametrize("statistic", ["TC(10%:90%)", "TM(10:20)", "TC(1)", "PR(:300)"])
def test_what_is_not_computed_is_refused_by_name(statistic: str) -> None:
    with pytest.raises(UnsupportedError, match="no statistic"):
        aggregate(POINTS, statistic=statistic, grid=SECOND)
