"""What CloudWatch answers when it cannot do what is asked."""

from __future__ import annotations


class CloudWatchError(ValueError):
    """An API error of CloudWatch, or something that exists there and not here; the message says which."""


class UnsupportedError(CloudWatchError):
    """CloudWatch has it and the embedded one does not."""
