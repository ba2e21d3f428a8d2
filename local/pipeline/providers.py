"""The action providers that this runner has, and the configuration keys that it gives their meaning."""

from __future__ import annotations

from collections.abc import Mapping

from local.pipeline.errors import UnsupportedError

Kind = tuple[str, str]

CODE_BUILD_KEYS = frozenset({"ProjectName", "EnvironmentVariables", "PrimarySource"})
CLOUD_FORMATION_KEYS = frozenset(
    {
        "StackName", "ActionMode", "ChangeSetName", "TemplatePath", "TemplateConfiguration", "ParameterOverrides",
        "Capabilities", "RoleArn",
    }
)  # fmt: skip

CONFIGURATION_KEYS: Mapping[Kind, frozenset[str]] = {
    ("Source", "CodeStarSourceConnection"): frozenset(
        {"ConnectionArn", "FullRepositoryId", "BranchName", "DetectChanges", "OutputArtifactFormat"}
    ),
    ("Build", "CodeBuild"): CODE_BUILD_KEYS,
    ("Test", "CodeBuild"): CODE_BUILD_KEYS,
    ("Deploy", "CloudFormation"): CLOUD_FORMATION_KEYS,
    ("Approval", "Manual"): frozenset({"CustomData", "ExternalEntityLink", "NotificationArn"}),
}

STACK_MODES = frozenset(
    {"CHANGE_SET_REPLACE", "CHANGE_SET_EXECUTE", "CREATE_UPDATE", "REPLACE_ON_FAILURE", "DELETE_ONLY"}
)
_ONLY_VALUES: Mapping[tuple[Kind, str], frozenset[str]] = {
    (("Source", "CodeStarSourceConnection"), "OutputArtifactFormat"): frozenset({"CODE_ZIP"}),
    (("Deploy", "CloudFormation"), "ActionMode"): STACK_MODES,
}


def check_configuration(label: str, kind: Kind, configuration: Mapping[str, str]) -> None:
    """Raise UnsupportedError when the provider, one of its keys or a value is not one of ours."""
    known = CONFIGURATION_KEYS.get(kind)
    if known is None:
        raise UnsupportedError(f"{label}: provider {kind[0]}/{kind[1]}")
    unknown = sorted(set(configuration) - known)
    if unknown:
        raise UnsupportedError(f"{label}: configuration {', '.join(unknown)}")
    for key, value in configuration.items():
        allowed = _ONLY_VALUES.get((kind, key))
        if allowed is not None and value not in allowed:
            raise UnsupportedError(f"{label}: {key} {value} (only {', '.join(sorted(allowed))})")
