from __future__ import annotations

import ast
from pathlib import Path

import pytest

from local.engine import seams
from local.engine.launcher import CHECKOUT
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
        (
            Seam(target="ministack.core.lambda_runtime:Worker", instance_attributes=("gone", "config")),
            "no longer sets gone",
        ),
    ],
)
def test_a_changed_ministack_is_refused_by_name(seam: Seam, complaint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(seams.SEAMS, "planted", seam)

    with pytest.raises(SeamBrokenError, match=complaint):
        seams.check()


@pytest.mark.parametrize("file", sorted((CHECKOUT / "local").rglob("*.py")), ids=lambda file: file.stem)
def test_nothing_but_the_seams_reaches_into_ministack(file: Path) -> None:
    """No import of ministack elsewhere, and no private attribute of anything that is not our own."""
    if file == Path(seams.__file__):
        return
    tree = ast.parse(file.read_text())
    own = {"self", "cls", "os", *(node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef))}
    reached = [
        f"{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__")
        if not (isinstance(node.value, ast.Name) and node.value.id in own)
    ]
    imported = [
        f"{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom) and "ministack" in ast.unparse(node)
    ]
    assert [*reached, *imported] == []
