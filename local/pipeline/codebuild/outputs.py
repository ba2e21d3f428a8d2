"""The files that a finished build hands on."""

from __future__ import annotations

from pathlib import Path

from local.pipeline.codebuild.buildspec import ArtifactFiles
from local.pipeline.errors import ActionFailedError


def collect(source: Path, files: ArtifactFiles) -> tuple[Path, list[Path]]:
    """The base folder and the files under it, sorted. Like CodeBuild, raises ActionFailedError when nothing matches."""
    base = source / files.base_directory
    matched = _expand(base, files.files) - _expand(base, files.exclude_paths)
    if not matched:
        raise ActionFailedError(f"no matching artifact paths found: {', '.join(files.files)} in {files.base_directory}")
    return base, sorted(matched)


def _expand(base: Path, patterns: tuple[str, ...]) -> set[Path]:
    return {match for pattern in patterns for match in base.glob(pattern) if match.is_file()}
