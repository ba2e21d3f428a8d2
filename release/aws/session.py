"""Sessions of roles in the environment's account."""

import boto3
from botocore.config import Config

CLIENT_CONFIG = Config(
    retries={"mode": "standard", "max_attempts": 5},
    connect_timeout=5,
    read_timeout=30,
    user_agent_extra="payment-release",
)


def assume(own: boto3.Session, role_arn: str, *, purpose: str) -> boto3.Session:
    """A session of the role that lasts an hour, the longest that one role may have as another. `purpose` shows in
    CloudTrail."""
    answer = own.client("sts", config=CLIENT_CONFIG).assume_role(
        RoleArn=role_arn, RoleSessionName=f"release-{purpose}", DurationSeconds=3600
    )
    credentials = answer["Credentials"]
    return boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        region_name=own.region_name,
    )
