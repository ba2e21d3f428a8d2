"""The four steps of a rotation with alternating users. Each may be called again, after success or half-way."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from payment_core.postgres import Connection, Login, ensure_login
from secret_rotation.errors import RotationRefused

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CURRENT = "AWSCURRENT"
PENDING = "AWSPENDING"
CLONE_SUFFIX = "_clone"
PASSWORD_BYTES = 32


class Step(StrEnum):
    CREATE = "createSecret"
    SET = "setSecret"
    TEST = "testSecret"
    FINISH = "finishSecret"


def other_user(username: str) -> str:
    """The user whose turn it is after `username`: `payment_app` and `payment_app_clone` alternate."""
    return username.removesuffix(CLONE_SUFFIX) if username.endswith(CLONE_SUFFIX) else username + CLONE_SUFFIX


@dataclass(frozen=True, kw_only=True)
class Rotation:
    """`connect` logs in to the database; `group_role` owns the rights that both users share."""

    client: "SecretsManagerClient"
    secret_arn: str
    admin_secret_arn: str
    connect: Callable[[Login], Connection]
    group_role: str

    def run(self, step: Step, token: str) -> None:
        """Do one step for the version `token`. Raises `RotationRefused`, and whatever AWS or the database raise."""
        stages = self.client.describe_secret(SecretId=self.secret_arn)["VersionIdsToStages"]
        if token not in stages:
            raise RotationRefused("This version is not staged for rotation.")
        if CURRENT in stages[token]:
            return
        if PENDING not in stages[token]:
            raise RotationRefused("This version is not pending.")
        match step:
            case Step.CREATE:
                self._create(token)
            case Step.SET:
                self._set(token)
            case Step.TEST:
                self._test(token)
            case Step.FINISH:
                self._finish(token, stages)

    def _create(self, token: str) -> None:
        """Stage the other user with a new password, unless this version has one: a repeated step must not change it."""
        try:
            self._login(self.secret_arn, token)
        except self.client.exceptions.ResourceNotFoundException:
            current = self._login(self.secret_arn)
            pending = {
                "username": other_user(current.username),
                "password": secrets.token_urlsafe(PASSWORD_BYTES),
            }
            self.client.put_secret_value(
                SecretId=self.secret_arn,
                ClientRequestToken=token,
                SecretString=json.dumps(pending),
                VersionStages=[PENDING],
            )

    def _set(self, token: str) -> None:
        """Give the pending user its password and the application's rights, as the administrator."""
        pending, current = self._login(self.secret_arn, token), self._login(self.secret_arn)
        if pending.username != other_user(current.username):
            raise RotationRefused("The pending version would change the user that is in use.")
        with self.connect(self._login(self.admin_secret_arn)) as connection:
            ensure_login(connection, pending, member_of=self.group_role)

    def _test(self, token: str) -> None:
        """Do with the pending login what the application does."""
        with self.connect(self._login(self.secret_arn, token)) as connection:
            connection.execute("select from customers limit 1")

    def _finish(self, token: str, stages: dict[str, list[str]]) -> None:
        """Make the pending version the current one, in one call."""
        current = next(version for version, labels in stages.items() if CURRENT in labels)
        self.client.update_secret_version_stage(
            SecretId=self.secret_arn, VersionStage=CURRENT, MoveToVersionId=token, RemoveFromVersionId=current
        )

    def _login(self, secret_arn: str, pending: str | None = None) -> Login:
        if pending is None:
            answer = self.client.get_secret_value(SecretId=secret_arn, VersionStage=CURRENT)
        else:
            answer = self.client.get_secret_value(SecretId=secret_arn, VersionId=pending, VersionStage=PENDING)
        return Login.parse(answer["SecretString"])
