"""What can go wrong while a pipeline runs. Every message is safe to show: it holds names, never secrets."""

from __future__ import annotations


class PipelineError(Exception):
    """Root of this package's errors. `code` is for machines, the message for people."""

    code = "PipelineError"
    retryable = False


class UnsupportedError(PipelineError):
    """The definition or a buildspec asks for something that this runner does not do; the message names it."""

    code = "Unsupported"


class VariableError(PipelineError):
    """A `#{namespace.variable}` has no value in this execution."""

    code = "VariableNotResolved"


class ActionFailedError(PipelineError):
    """An action ran and failed. It may be retried with RetryStageExecution."""

    retryable = True

    def __init__(self, message: str, *, code: str = "JobFailed", external_url: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.external_url = external_url


class AbandonedError(PipelineError):
    """The execution was stopped or its definition replaced while the action was under way."""

    code = "Abandoned"


class ApiError(PipelineError):
    """An API call is refused with one of AWS's own error codes."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
