from __future__ import annotations

import pytest

from local.engine import seams
from local.engine.seams import Seam, SeamBrokenError


def test_installed_ministack_has_every_seam_with_the_expected_parameters() -> None:
    seams.check()


@pytest.mark.parametrize(
    ("seam", "complaint"),
    [
        (Seam(target="ministack.app:gone"), "ministack.app:gone is gone"),
        (Seam(target="ministack.no_module:x"), "ministack.no_module:x is gone"),
        (
            Seam(target="ministack.core.responses:get_region", parameters=("account",)),
            r"takes \(\), expected \('account',\)",
        ),
    ],
)
def test_a_changed_ministack_is_refused_by_name(seam: Seam, complaint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(seams.SEAMS, "planted", seam)

    with pytest.raises(SeamBrokenError, match=complaint):
        seams.check()
