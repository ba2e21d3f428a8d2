"""Runs single actions: variables, roles, the action's own module, and the record of what became of it."""

from __future__ import annotations

import logging
import uuid
from dataclasses import replace

from botocore.exceptions import BotoCoreError, ClientError

from local.pipeline.actions import ACTIONS
from local.pipeline.actions.context import ActionContext, ActionResult, Ports
from local.pipeline.errors import AbandonedError, PipelineError
from local.pipeline.executions import ActionExecution, Execution, ExecutionStore, Status
from local.pipeline.model import Action
from local.pipeline.variables import resolve

logger = logging.getLogger(__name__)


class ActionRunner:
    """`begin` makes an action's record, `run` carries it to its end; no error leaves `run`."""

    def __init__(self, *, store: ExecutionStore, ports: Ports) -> None:
        self._store, self._ports = store, ports

    def begin(self, execution: Execution, stage: str, action: Action) -> ActionExecution:
        now = self._ports.clock.now()
        record = ActionExecution(
            id=str(uuid.uuid4()),
            stage=stage,
            action=action,
            version=execution.pipeline.version,
            started=now,
            updated=now,
        )
        with self._store.changed:
            execution.actions.append(record)
            execution.updated = now
            self._store.changed.notify_all()
        return record

    def run(self, execution: Execution, record: ActionExecution) -> None:
        try:
            result = self._act(execution, record)
        except AbandonedError as error:
            self._end(execution, record, Status.ABANDONED, code=error.code, message=str(error))
        except PipelineError as error:
            self._end(execution, record, Status.FAILED, code=error.code, message=str(error))
        except ClientError as error:
            code = str(error.response["Error"].get("Code", "Unknown"))
            self._end(execution, record, Status.FAILED, code=code, message=str(error))
        except BotoCoreError as error:
            self._end(execution, record, Status.FAILED, code="ServiceUnavailable", message=str(error))
        except Exception as error:
            logger.exception("action %s/%s", record.stage, record.action.name)
            self._end(execution, record, Status.FAILED, code="InternalError", message=repr(error))
        else:
            self._succeed(execution, record, result)

    def _act(self, execution: Execution, record: ActionExecution) -> ActionResult:
        action = record.action
        record.configuration = resolve(action.configuration, execution.variables)
        record.inputs = [execution.artifacts.location(name) for name in action.inputs]
        account = self._ports.account_session(execution.key.account, execution.key.region)
        name = f"{execution.id[:8]}-{action.name}"
        pipeline_session = account.assume(execution.pipeline.role_arn, name)
        session = pipeline_session.assume(action.role_arn, name) if action.role_arn else pipeline_session
        number = len(execution.actions)
        context = ActionContext(
            execution=execution,
            stage=record.stage,
            action=replace(action, configuration=record.configuration),
            session=session,
            pipeline_session=pipeline_session,
            account_session=account,
            directory=self._ports.settings.work_dir
            / "executions"
            / execution.id[:8]
            / f"{number:02d}-{action.name}-{record.id[:4]}",
            ports=self._ports,
            report=_Reporter(self._store, record, self._ports),
        )
        return ACTIONS[action.type.kind](context)

    def _succeed(self, execution: Execution, record: ActionExecution, result: ActionResult) -> None:
        with self._store.changed:
            record.variables = dict(result.variables)
            record.summary = result.summary or record.summary
            record.outputs = [execution.artifacts.location(name) for name in record.action.outputs]
            if record.action.namespace:
                execution.variables[record.action.namespace] = record.variables
            if result.revision:
                execution.revisions[result.revision.action] = result.revision
            self._end(execution, record, Status.SUCCEEDED)

    def _end(
        self, execution: Execution, record: ActionExecution, status: Status, *, code: str = "", message: str = ""
    ) -> None:
        with self._store.changed:
            record.status, record.error_code, record.error_message = status, code, message
            record.token = ""
            record.updated = execution.updated = self._ports.clock.now()
            self._store.changed.notify_all()


class _Reporter:
    """Writes what an action reports into its record."""

    def __init__(self, store: ExecutionStore, record: ActionExecution, ports: Ports) -> None:
        self._store, self._record, self._ports = store, record, ports

    def __call__(
        self,
        *,
        summary: str = "",
        external_id: str = "",
        external_url: str = "",
        token: str = "",
        updated_by: str = "",
    ) -> None:
        with self._store.changed:
            record = self._record
            record.summary = summary or record.summary
            record.external_id = external_id or record.external_id
            record.external_url = external_url or record.external_url
            record.token = token or record.token
            record.updated_by = updated_by or record.updated_by
            record.updated = self._ports.clock.now()
            self._store.changed.notify_all()
