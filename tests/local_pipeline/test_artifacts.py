from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from local.pipeline.artifacts import Artifacts, pack, unpack
from local.pipeline.codebuild.buildspec import ArtifactFiles
from local.pipeline.codebuild.outputs import collect
from local.pipeline.errors import ActionFailedError
from local.pipeline.git_source import BareRepository
from local.pipeline.model import ArtifactStore
from tests.local_pipeline.cloud import FakeCloud


def tree(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def test_modes_survive_an_artifact(tmp_path: Path) -> None:
    origin = tree(tmp_path / "a", "bin/tool", "plain")
    (origin / "bin/tool").chmod(0o755)
    body = pack(origin, [origin / "bin/tool", origin / "plain"])
    unpack(zipfile.ZipFile(io.BytesIO(body)), tmp_path / "b")
    assert (tmp_path / "b/bin/tool").stat().st_mode & 0o111
    assert not (tmp_path / "b/plain").stat().st_mode & 0o111


def test_symbolic_links_of_a_commit_survive(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("link")
    info.external_attr = 0o120777 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("target", "text")
        archive.writestr(info, "target")
    unpack(zipfile.ZipFile(buffer), tmp_path)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "link").read_text() == "text"


def test_artifacts_lie_under_the_pipelines_name_and_are_read_back(tmp_path: Path) -> None:
    cloud = FakeCloud()
    artifacts = Artifacts(pipeline="payment-pipeline", store=ArtifactStore(bucket="b", encryption_key="key"))
    origin = tree(tmp_path, "dir/template.json")
    location = artifacts.put(cloud.session(), "Assembly", pack(origin, [origin / "dir/template.json"]))
    assert location.key.startswith("payment-pipeline/Assembly/")
    assert artifacts.read(cloud.session(), "Assembly::dir/template.json") == b"dir/template.json"
    with pytest.raises(ActionFailedError, match=r"other\.json"):
        artifacts.read(cloud.session(), "Assembly::other.json")


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (ArtifactFiles(files=("**/*",), base_directory="out"), {"a.txt", "deep/b.txt", "deep/.hidden"}),
        (ArtifactFiles(files=("**/*",), base_directory="out", exclude_paths=("deep/**/*",)), {"a.txt"}),
        (ArtifactFiles(files=("out/*.txt",)), {"out/a.txt"}),
    ],
)
def test_which_files_a_build_hands_on(tmp_path: Path, files: ArtifactFiles, names: set[str]) -> None:
    tree(tmp_path, "out/a.txt", "out/deep/b.txt", "out/deep/.hidden", "not-this")
    base, found = collect(tmp_path, files)
    assert {str(f.relative_to(base)) for f in found} == names


def test_a_build_that_made_no_files_fails(tmp_path: Path) -> None:
    with pytest.raises(ActionFailedError, match="no matching artifact paths"):
        collect(tmp_path, ArtifactFiles(files=("**/*",), base_directory="cdk.out"))


def test_a_repository_without_the_branch_has_no_head(tmp_path: Path) -> None:
    assert BareRepository(tmp_path).head("main") == ""
