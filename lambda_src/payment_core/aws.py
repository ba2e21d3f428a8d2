"""How the functions talk to AWS: time-outs that nest, and failures that have a name."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from payment_core.errors import DependencyUnavailable, ErrorCode

# A function that waits for one of these lives at least 6 s; whoever waits for the function waits longer.
CONNECT_SECONDS = 1.0
READ_SECONDS = 1.5
ATTEMPTS = 2


def client_config(*, read_seconds: float = READ_SECONDS, attempts: int = ATTEMPTS, usual_host: bool = False) -> Config:
    """Settings for a client whose calls take at most `attempts` times connect and read, plus a jittered pause.

    `usual_host` keeps the service's usual host name where an environment has the SDK ask for dual-stack ones: S3 and
    DynamoDB are reached through the VPC's own endpoints, and Secrets Manager has its IPv6 addresses at that name.
    """
    return Config(
        use_dualstack_endpoint=False if usual_host else None,
        connect_timeout=CONNECT_SECONDS,
        read_timeout=read_seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
        tcp_keepalive=True,
    )


@contextmanager
def dependency(code: ErrorCode, message: str) -> Iterator[None]:
    """Turn what boto3 raises inside into a `DependencyUnavailable` with this code and safe message."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise DependencyUnavailable(code, message) from error
