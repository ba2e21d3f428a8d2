"""What each kind of action does: one module per action type, found by (category, provider)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from local.pipeline.actions import approval, cloudformation, codebuild, source
from local.pipeline.actions.context import ActionContext, ActionResult
from local.pipeline.providers import Kind

ActionFunction = Callable[[ActionContext], ActionResult]

ACTIONS: Mapping[Kind, ActionFunction] = {
    ("Source", "CodeStarSourceConnection"): source.run,
    ("Build", "CodeBuild"): codebuild.run,
    ("Test", "CodeBuild"): codebuild.run,
    ("Deploy", "CloudFormation"): cloudformation.run,
    ("Approval", "Manual"): approval.run,
}
