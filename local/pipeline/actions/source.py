"""Source by CodeConnections: the commit comes from the local bare repository."""

from __future__ import annotations

import json

from local.pipeline.actions.context import ActionContext, ActionResult
from local.pipeline.errors import ActionFailedError
from local.pipeline.executions import Revision


def run(context: ActionContext) -> ActionResult:
    """Store the asked-for commit, else the branch's head, as the output artifact."""
    configuration, git = context.action.configuration, context.ports.git
    asked = context.execution.revisions.get(context.action.name)
    revision = asked.commit_id if asked else git.head(configuration["BranchName"])
    if not revision:
        raise ActionFailedError(
            f"the repository has no branch {configuration['BranchName']}", code="ConfigurationError"
        )
    commit = git.commit(revision)
    for output in context.action.outputs:
        context.artifacts.put(context.session, output, git.archive(commit.id))
    summary = json.dumps({"ProviderType": "GitHub", "CommitMessage": commit.subject})
    context.report(external_id=commit.id, summary=summary)
    return ActionResult(
        variables={
            "CommitId": commit.id,
            "CommitMessage": commit.subject,
            "AuthorDate": commit.author_date,
            "BranchName": configuration["BranchName"],
            "FullRepositoryName": configuration.get("FullRepositoryId", ""),
            "ConnectionArn": configuration.get("ConnectionArn", ""),
        },
        summary=summary,
        revision=Revision(action=context.action.name, commit_id=commit.id, summary=summary),
    )
