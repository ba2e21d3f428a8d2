"""Layers: published for Lambda's platform, rebuilt for this machine from the lock that they carry.

https://docs.aws.amazon.com/lambda/latest/dg/python-layers.html
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from local.engine.launcher import CHECKOUT
from tests.engine.embedded import EmbeddedAws, StackFailedError, zipped
from tests.engine.test_functions import function, invoke, role

SOURCE = """
import tabulate

def handler(event, context):
    return [tabulate.tabulate([["a"]]) != "", tabulate.__file__]
"""


def lock_of(package: str) -> str:
    """One package's lines of the functions' own lock."""
    lock = (CHECKOUT / "lambda_src" / "requirements.txt").read_text()
    found = re.search(rf"^{package}==.*?(?=^\S|\Z)", lock, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found.group().split("    #")[0]


def publish(engine: EmbeddedAws, account: str, files: dict[str, str]) -> None:
    s3 = engine.client("s3", account=account)
    s3.create_bucket(Bucket=f"assets-{account}")
    s3.put_object(Bucket=f"assets-{account}", Key="layer.zip", Body=zipped(files))


def layer(account: str) -> dict[str, Any]:
    content = {"S3Bucket": f"assets-{account}", "S3Key": "layer.zip"}
    return {"Type": "AWS::Lambda::LayerVersion", "Properties": {"LayerName": "packages", "Content": content}}


def test_function_imports_from_a_build_of_the_layers_lock(engine: EmbeddedAws, account: str) -> None:
    foreign = {"requirements.txt": lock_of("tabulate"), "python/tabulate/_native.so": "another machine's code"}
    publish(engine, account, foreign)
    engine.deploy(
        {"Role": role(), "Layer": layer(account), "Function": function(SOURCE, Layers=[{"Ref": "Layer"}])},
        account=account,
    )

    answered = invoke(engine.client("lambda", account=account), "pay", {})

    assert answered["error"] is None, answered
    works, source = answered["payload"]
    assert works
    assert "payment-pipeline/layers" in Path(source).as_posix()


def test_native_code_without_a_lock_is_refused(engine: EmbeddedAws, account: str) -> None:
    publish(engine, account, {"python/psycopg/_psycopg.cpython-313-aarch64-linux-gnu.so": "x"})

    with pytest.raises(StackFailedError, match=r"needs its lock as requirements\.txt"):
        engine.deploy({"Layer": layer(account)}, account=account)


def test_a_lock_that_cannot_be_installed_fails_the_stack(engine: EmbeddedAws, account: str) -> None:
    publish(engine, account, {"requirements.txt": re.sub(r"sha256:\w+", "sha256:" + "0" * 64, lock_of("tabulate"))})

    with pytest.raises(StackFailedError, match="tabulate"):
        engine.deploy({"Layer": layer(account)}, account=account)


def test_plain_python_is_used_as_published(engine: EmbeddedAws, account: str) -> None:
    publish(engine, account, {"python/tabulate.py": "def tabulate(rows):\n    return 'own'\n"})
    engine.deploy(
        {"Role": role(), "Layer": layer(account), "Function": function(SOURCE, Layers=[{"Ref": "Layer"}])},
        account=account,
    )

    answered = invoke(engine.client("lambda", account=account), "pay", {})

    assert answered["payload"][0], answered
    assert "payment-pipeline" not in answered["payload"][1]
