"""What became of each build, for codebuild:BatchGetBuilds. Times are seconds since the epoch."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from local.pipeline.codebuild.script import PhaseRecord


class BuildLedger:
    """Overlays for the build records that the CodeBuild API keeps. Safe to use from every thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._builds: dict[str, dict[str, Any]] = {}
        self._expected: set[str] = set()

    def expect(self, token: str) -> None:
        """A pipeline is about to start a build with this idempotency token."""
        with self._lock:
            self._expected.add(token)

    def expected(self, token: str) -> bool:
        """Whether a pipeline starts this build; true once."""
        with self._lock:
            known = token in self._expected
            self._expected.discard(token)
            return known

    def begin(self, build_id: str, *, at: float, initiator: str) -> None:
        with self._lock:
            self._builds[build_id] = {
                "buildStatus": "IN_PROGRESS",
                "currentPhase": "INSTALL",
                "buildComplete": False,
                "startTime": at,
                "initiator": initiator,
                "phases": [],
            }

    def end(self, build_id: str, *, at: float, status: str, phases: Iterable[PhaseRecord]) -> None:
        """`status` is SUCCEEDED, FAILED, TIMED_OUT, STOPPED or FAULT."""
        with self._lock:
            build = self._builds[build_id]
            build |= {"buildStatus": status, "currentPhase": "COMPLETED", "buildComplete": True, "endTime": at}
            build["phases"] = [_phase(phase) for phase in phases]

    def overlay(self, build: Mapping[str, Any]) -> dict[str, Any]:
        """The API's record with what really happened put over it."""
        with self._lock:
            known = self._builds.get(str(build["id"]))
            if known is None:
                return dict(build)
            kept = {k: v for k, v in build.items() if k not in {"endTime", "phases"}}
            return {**kept, **known}


def _phase(phase: PhaseRecord) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "phaseType": phase.name,
        "phaseStatus": phase.status,
        "startTime": phase.start,
        "endTime": phase.end,
        "durationInSeconds": phase.end - phase.start,
    }
    if phase.reason:
        shape["contexts"] = [{"statusCode": "COMMAND_EXECUTION_ERROR", "message": phase.reason}]
    return shape
