"""A buildspec (version 0.2), parsed. Keys that would have no effect are refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from local.pipeline.errors import UnsupportedError

PHASES = ("install", "pre_build", "build", "post_build")
_PHASE_KEYS = {"commands", "finally", "runtime-versions"}
_ENV_KEYS = {"variables", "parameter-store", "secrets-manager", "exported-variables", "shell"}
_ARTIFACT_KEYS = {"files", "base-directory", "exclude-paths", "name"}
_CACHE_KEYS = {"key", "paths"}


@dataclass(frozen=True, kw_only=True)
class Phase:
    name: str
    commands: tuple[str, ...] = ()
    finally_commands: tuple[str, ...] = ()
    runtime_versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ArtifactFiles:
    """Which files of the build become an artifact; paths are relative to `base_directory`."""

    files: tuple[str, ...]
    base_directory: str = "."
    exclude_paths: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Cache:
    """Folders kept from build to build under a key. `$(codebuild-hash-files …)` in the key is not yet resolved."""

    key: str
    paths: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Buildspec:
    phases: tuple[Phase, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    exported: tuple[str, ...] = ()
    artifacts: ArtifactFiles | None = None
    secondary: Mapping[str, ArtifactFiles] = field(default_factory=dict)
    cache: Cache | None = None


def parse_buildspec(text: str) -> Buildspec:
    """Parse YAML or JSON. Raises UnsupportedError for other versions and for keys that this runner does not know."""
    spec = yaml.safe_load(text)
    if not isinstance(spec, dict):
        raise UnsupportedError("buildspec: not a mapping")
    if str(spec.get("version")) != "0.2":
        raise UnsupportedError(f"buildspec version {spec.get('version')} (only 0.2)")
    _only(spec, {"version", "env", "phases", "artifacts", "cache"}, "buildspec")
    env = spec.get("env") or {}
    _only(env, _ENV_KEYS, "buildspec env")
    if env.get("shell", "bash") != "bash":
        raise UnsupportedError(f"buildspec env shell {env['shell']} (only bash)")
    artifacts = dict(spec.get("artifacts") or {})
    secondary = artifacts.pop("secondary-artifacts", None) or {}
    return Buildspec(
        phases=_phases(spec.get("phases") or {}),
        variables=_texts(env.get("variables")),
        parameters=_texts(env.get("parameter-store")),
        secrets=_texts(env.get("secrets-manager")),
        exported=_list(env.get("exported-variables")),
        artifacts=_artifact_files(artifacts) if artifacts else None,
        secondary={name: _artifact_files(files) for name, files in secondary.items()},
        cache=_cache(spec.get("cache")),
    )


def _phases(spec: Mapping[str, Any]) -> tuple[Phase, ...]:
    _only(spec, set(PHASES), "buildspec phases")
    phases = []
    for name in PHASES:
        phase = spec.get(name)
        if not phase:
            continue
        _only(
            phase, _PHASE_KEYS if name == "install" else _PHASE_KEYS - {"runtime-versions"}, f"buildspec phase {name}"
        )
        phases.append(
            Phase(
                name=name,
                commands=_list(phase.get("commands")),
                finally_commands=_list(phase.get("finally")),
                runtime_versions=_texts(phase.get("runtime-versions")),
            )
        )
    return tuple(phases)


def _artifact_files(spec: Mapping[str, Any]) -> ArtifactFiles:
    _only(spec, _ARTIFACT_KEYS, "buildspec artifacts")  # a pipeline ignores `name`: it has names of its own
    return ArtifactFiles(
        files=_list(spec.get("files")),
        base_directory=str(spec.get("base-directory") or "."),
        exclude_paths=_list(spec.get("exclude-paths")),
    )


def _cache(spec: Mapping[str, Any] | None) -> Cache | None:
    if not spec:
        return None
    _only(spec, _CACHE_KEYS, "buildspec cache")
    if not spec.get("key"):
        raise UnsupportedError("buildspec cache without a key")
    return Cache(key=str(spec["key"]), paths=_list(spec.get("paths")))


def _list(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(str(item) for item in value)


def _texts(value: Mapping[str, Any] | None) -> dict[str, str]:
    return {str(k): str(v) for k, v in (value or {}).items()}


def _only(spec: Mapping[str, Any], known: set[str], label: str) -> None:
    unknown = sorted(set(map(str, spec)) - known)
    if unknown:
        raise UnsupportedError(f"{label}: {', '.join(unknown)}")
