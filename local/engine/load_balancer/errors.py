"""Errors as Elastic Load Balancing names them (code and HTTP status of the query protocol)."""

from __future__ import annotations


class ApiError(Exception):
    """A refusal that the caller sees: `code` as in the API reference, message in AWS's words where known."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def validation(message: str) -> ApiError:
    return ApiError("ValidationError", message)


def unsupported(what: str) -> ApiError:
    """For what AWS has and the embedded load balancer has not: refused by name, never ignored."""
    return ApiError("InvalidConfigurationRequest", f"the embedded load balancer does not support {what}")
