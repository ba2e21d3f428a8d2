"""Artifacts in the pipeline's own bucket, written and read as the acting role, so that its policies are exercised."""

from __future__ import annotations

import io
import stat
import threading
import uuid
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from local.pipeline.aws import AwsSession
from local.pipeline.errors import ActionFailedError
from local.pipeline.model import ArtifactStore


@dataclass(frozen=True, kw_only=True)
class Location:
    """Where one artifact lies."""

    name: str
    bucket: str
    key: str

    @property
    def arn(self) -> str:
        return f"arn:aws:s3:::{self.bucket}/{self.key}"


class Artifacts:
    """The artifacts of one execution."""

    def __init__(self, *, pipeline: str, store: ArtifactStore) -> None:
        self._pipeline, self._store = pipeline, store
        self._lock = threading.Lock()
        self._found: dict[str, Location] = {}

    def location(self, name: str) -> Location:
        with self._lock:
            return self._found[name]

    def put(self, session: AwsSession, name: str, body: bytes) -> Location:
        """Store a zip as the artifact `name` of this execution."""
        key = f"{self._pipeline[:20]}/{name[:10]}/{uuid.uuid4().hex[:7]}"
        location = Location(name=name, bucket=self._store.bucket, key=key)
        self._upload(session, key, body)
        with self._lock:
            self._found[name] = location
        return location

    def put_file(self, session: AwsSession, body: bytes) -> str:
        """Store a loose file beside the artifacts; returns its URL as CloudFormation takes it."""
        key = f"{self._pipeline[:20]}/Template/{uuid.uuid4().hex}"
        self._upload(session, key, body)
        return f"https://s3.{session.region}.amazonaws.com/{self._store.bucket}/{key}"

    def open(self, session: AwsSession, name: str) -> zipfile.ZipFile:
        location = self.location(name)
        body = session.client("s3").get_object(Bucket=location.bucket, Key=location.key)["Body"].read()
        return zipfile.ZipFile(io.BytesIO(body))

    def read(self, session: AwsSession, reference: str) -> bytes:
        """The file behind `Artifact::path`. Raises ActionFailedError when it is not there."""
        name, _, path = reference.partition("::")
        with self.open(session, name) as archive:
            try:
                return archive.read(path)
            except KeyError:
                raise ActionFailedError(f"artifact {name} has no file {path}") from None

    def _upload(self, session: AwsSession, key: str, body: bytes) -> None:
        encryption = (
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self._store.encryption_key}
            if self._store.encryption_key
            else {}
        )
        session.client("s3").put_object(Bucket=self._store.bucket, Key=key, Body=body, **encryption)


def pack(root: Path, files: Iterable[Path]) -> bytes:
    """A zip of files under `root`, modes kept."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False, compresslevel=1) as archive:
        for file in files:
            archive.write(file, file.relative_to(root))
    return buffer.getvalue()


def unpack(archive: zipfile.ZipFile, destination: Path) -> None:
    """Extract with the modes and symbolic links that zipfile by itself would drop."""
    destination.mkdir(parents=True, exist_ok=True)
    for item in archive.infolist():
        mode = item.external_attr >> 16
        if stat.S_ISLNK(mode):
            link = destination / item.filename
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(archive.read(item).decode())
            continue
        target = Path(archive.extract(item, destination))
        if mode and not item.is_dir():
            target.chmod(stat.S_IMODE(mode) | stat.S_IRUSR | stat.S_IWUSR)
