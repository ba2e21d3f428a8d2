"""A function's asset is its package and the shared core: a change elsewhere is no release of it."""

from collections.abc import Iterator
from pathlib import Path

import aws_cdk as cdk
import pytest

from stages.compute import PACKAGES
from stages.constructs import dependency_layer, payment_function
from stages.constructs.dependency_layer import DependencyLayer, LayerNotBuilt
from stages.constructs.payment_function import function_code


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two packages, the core, and what must not be shipped."""
    root = tmp_path / "lambda_src"
    for name in (
        "payment_core/money.py",
        "payment_core/schemas/create.json",
        "payment_core/__pycache__/money.cpython-313.pyc",
        "payment_core/tests/test_money.py",
        "one/handler.py",
        "one/sql/0001.sql",
        "one/__pycache__/handler.cpython-313.pyc",
        "two/handler.py",
        "requirements.txt",
        "one_more/handler.py",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    monkeypatch.setattr(payment_function, "SOURCES", root)
    return root


class Staged:
    """The asset of a package as it would be published."""

    def __init__(self, package: str, outdir: Path) -> None:
        stack = cdk.Stack(cdk.App(outdir=str(outdir)), "Stack")
        location = function_code(package).bind(stack).s3_location
        assert location is not None
        self.hash = location.object_key.removesuffix(".zip")
        self._directory = outdir / f"asset.{self.hash}"

    def files(self) -> set[str]:
        return set(self._walk())

    def _walk(self) -> Iterator[str]:
        for path in self._directory.rglob("*"):
            if path.is_file():
                yield path.relative_to(self._directory).as_posix()


def test_an_asset_is_the_package_and_the_core(sources: Path, tmp_path: Path) -> None:
    assert Staged("one", tmp_path / "out").files() == {
        "one/handler.py",
        "one/sql/0001.sql",
        "payment_core/money.py",
        "payment_core/schemas/create.json",
    }


@pytest.mark.parametrize(
    ("changed", "is_release"),
    [
        ("one/handler.py", True),
        ("payment_core/money.py", True),
        ("two/handler.py", False),
        ("one_more/handler.py", False),
        ("one/__pycache__/handler.cpython-313.pyc", False),
        ("payment_core/tests/test_money.py", False),
    ],
)
def test_only_the_functions_own_code_makes_a_release(
    sources: Path, tmp_path: Path, changed: str, is_release: bool
) -> None:
    before = Staged("one", tmp_path / "before").hash
    (sources / changed).write_text("changed")
    assert (Staged("one", tmp_path / "after").hash != before) is is_release


@pytest.mark.parametrize("package", PACKAGES.values())
def test_every_function_has_a_handler(package: str) -> None:
    assert (payment_function.SOURCES / package / "handler.py").is_file()


def test_a_missing_layer_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dependency_layer, "LAYER", tmp_path / "nowhere")
    with pytest.raises(LayerNotBuilt, match="make setup"):
        DependencyLayer(cdk.Stack(cdk.App(), "Stack"), "Layer", suffix="dev")


def test_a_layer_built_from_another_lock_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = tmp_path / "layer"
    (layer / "python").mkdir(parents=True)
    (layer / "requirements.txt").write_text("other")
    monkeypatch.setattr(dependency_layer, "LAYER", layer)
    with pytest.raises(LayerNotBuilt, match="make setup"):
        DependencyLayer(cdk.Stack(cdk.App(), "Stack"), "Layer", suffix="dev")


def test_the_locks_hash_is_the_layers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wheels unpacked on another day differ in their times, and are the same release."""

    def key(lock: str, content: str) -> str:
        root = tmp_path / f"{lock}-{content}"
        (root / "python").mkdir(parents=True)
        (root / "python" / "module.py").write_text(content)
        (root / "requirements.txt").write_text(lock)
        monkeypatch.setattr(dependency_layer, "LAYER", root)
        monkeypatch.setattr(dependency_layer, "LOCK", root / "requirements.txt")
        app = cdk.App(outdir=str(tmp_path / "out" / root.name))
        stack = cdk.Stack(app, "Stack")
        DependencyLayer(stack, "Layer", suffix="dev")
        template = app.synth().get_stack_by_name("Stack").template
        (layer,) = template["Resources"].values()
        return str(layer["Properties"]["Content"]["S3Key"])

    assert key("a", "x") == key("a", "y") != key("b", "x")
