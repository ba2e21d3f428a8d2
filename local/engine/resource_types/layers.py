"""Lambda layers: published for Lambda's own platform, run on this one.

A layer that carries native code for another platform must carry the lock it was built from, `requirements.txt`
at its root; functions then import from a build of the same lock for this machine's Python.
"""

from __future__ import annotations

import functools
import io
import re
import zipfile
from typing import Any

from local.engine import seams
from local.engine.host_layers import HostLayers
from local.engine.registry import Engine, Registry, Resource

REQUIREMENTS = "requirements.txt"
NATIVE = re.compile(r"\.so(\.\d+)*$")


class ForeignLayerError(ValueError):
    """A layer with another platform's native code that cannot be rebuilt here."""


def register(registry: Registry) -> None:
    registry.after("AWS::Lambda::LayerVersion", build_for_host)
    registry.before_start(serve_host_layers)


def serve_host_layers(_: Engine) -> None:
    """Give the functions' processes the host's build; the API keeps showing what was published."""
    seams.wrap("lambda.layer_zip", lambda original: lambda attachment: for_host(original(attachment)))


def build_for_host(resource: Resource) -> None:
    """Build now, so that a layer that cannot be built fails its stack and not a function's first call."""
    _, _, name, number = resource.physical_id.rsplit(":", 3)
    versions = seams.get("lambda.layers")[name]["versions"]
    published = next(v["_zip_data"] for v in versions if v["Version"] == int(number))
    if published is None:
        raise ForeignLayerError(f"the content of layer {name} was not found in S3")
    for_host(published)


def for_host(published: bytes | None) -> bytes | None:
    """The layer as a zip whose native code runs here. Raises `ForeignLayerError` and `LayerBuildError`."""
    return None if published is None else _for_host(published)


@functools.lru_cache(maxsize=16)
def _for_host(published: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(published)) as layer:
        names = layer.namelist()
        if REQUIREMENTS in names:
            return _pointer(HostLayers.in_cache().directory_for(layer.read(REQUIREMENTS).decode()))
    if any(NATIVE.search(name) for name in names):
        raise ForeignLayerError(f"a layer with native code needs its lock as {REQUIREMENTS} at its root")
    return published


def _pointer(directory: Any) -> bytes:
    """A layer that puts `directory` on the import path: functions share one unpacked, compiled build."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as layer:
        line = f"import sys; sys.path.insert(0, {str(directory)!r})\n"
        layer.writestr("python/lib/python3/site-packages/host_layer.pth", line)
    return packed.getvalue()
