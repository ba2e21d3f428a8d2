"""The shell program of one build: the buildspec's commands, in one shell, with CodeBuild's rules between phases.

A failed install or pre_build ends the build; a failed build phase still runs post_build; `finally` commands always
run at the end of their phase. `cd` and exported variables last for the whole build.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from local.pipeline.codebuild.buildspec import Buildspec, Phase

STATE_FILE, ENVIRONMENT_FILE = "phases", "environment"
_FAIL_FAST = ("install", "pre_build")

_PROLOGUE = r"""
__cb_phase= __cb_failed= __cb_stop= __cb_broken= __cb_start= __cb_command=
export CODEBUILD_BUILD_SUCCEEDING=1
__cb_say() { printf '[Container] %s %s\n' "$(date '+%Y/%m/%d %H:%M:%S')" "$1"; }
__cb_begin() { __cb_phase=$1 __cb_failed= __cb_start=$(date +%s); __cb_say "Entering phase $1"; }
__cb_end() {
  local status=SUCCEEDED; [ -z "$__cb_failed" ] || status=FAILED
  printf '%s\t%s\t%s\t%s\t%s\n' "$__cb_phase" "$status" "$__cb_start" "$(date +%s)" "$__cb_failed" \
    >> "$__cb_state/phases"
  __cb_say "Phase complete: $__cb_phase State: $status"
  __cb_phase=
}
__cb_fail() {
  [ -n "$__cb_failed" ] || __cb_failed="command $__cb_command ended with exit status $1"
  __cb_broken=1; export CODEBUILD_BUILD_SUCCEEDING=0
  __cb_say "Command did not exit successfully, exit status $1"
}
__cb_exit() {
  local rc=$?; set +eu
  [ -z "$__cb_phase" ] || { __cb_fail "$rc"; __cb_end; }
  env -0 > "$__cb_state/environment"
  [ -z "$__cb_broken" ] || exit 1
  exit 0
}
trap __cb_exit EXIT
"""


def build_script(spec: Buildspec, state_directory: Path) -> str:
    """A bash program that ends with 0 when every phase succeeded and leaves its record in `state_directory`."""
    lines = [f"__cb_state={shlex.quote(str(state_directory))}", _PROLOGUE]
    for phase in spec.phases:
        lines += _phase(phase)
    return "\n".join(lines) + "\n"


def _phase(phase: Phase) -> Iterable[str]:
    name = phase.name.upper()
    if phase.name in (*_FAIL_FAST, "post_build"):
        yield 'if [ -z "$__cb_stop" ]; then'
    else:
        yield 'if [ -z "$__cb_stop" ] && [ -z "$__cb_broken" ]; then'
    yield f"__cb_begin {name}"
    for tool, version in phase.runtime_versions.items():
        note = f"{tool} {version} is asked for: this machine takes the {tool} on its PATH"
        yield f"__cb_say {shlex.quote(note)}"
    for number, command in enumerate(phase.commands, 1):
        yield 'if [ -z "$__cb_failed" ]; then'
        yield from _command(number, command)
        yield "fi"
    for number, command in enumerate(phase.finally_commands, len(phase.commands) + 1):
        yield from _command(number, command)
    if phase.name in _FAIL_FAST:
        yield '[ -z "$__cb_failed" ] || __cb_stop=1'
    yield "__cb_end"
    yield "fi"


def _command(number: int, command: str) -> Iterable[str]:
    first, *rest = command.strip().splitlines() or [""]
    yield f"__cb_say {shlex.quote(f'Running command {first}' + (' …' if rest else ''))}"
    yield f"__cb_command={shlex.quote(f'{number} ({first})')}"
    yield f"eval {shlex.quote(command)}"  # a syntax error or a here-document stays within its own command
    yield '__cb_rc=$?; [ $__cb_rc -eq 0 ] || __cb_fail "$__cb_rc"'


@dataclass(frozen=True, kw_only=True)
class PhaseRecord:
    """What became of a phase. Times are seconds since the epoch."""

    name: str
    status: str
    start: int
    end: int
    reason: str = ""


def read_phases(state_directory: Path) -> tuple[PhaseRecord, ...]:
    """The phases that ran, in order; empty when the build was killed before its first one ended."""
    state = state_directory / STATE_FILE
    if not state.exists():
        return ()
    records = []
    for line in state.read_text(errors="replace").splitlines():
        name, status, start, end, reason = line.split("\t", 4)
        records.append(PhaseRecord(name=name, status=status, start=int(start), end=int(end), reason=reason))
    return tuple(records)


def read_environment(state_directory: Path) -> dict[str, str]:
    """The environment at the end of the build; empty when it was killed."""
    dump = state_directory / ENVIRONMENT_FILE
    if not dump.exists():
        return {}
    pairs = dump.read_bytes().decode(errors="replace").split("\0")
    return {k: v for k, _, v in (pair.partition("=") for pair in pairs) if re.fullmatch(r"\w+", k)}
