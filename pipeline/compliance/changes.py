"""Requirement 6: software is protected from attacks, changes are controlled."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pipeline.compliance.estate import Resource, as_list, texts
from pipeline.compliance.rule import Evidence, Rule, companion, demand, every, is_own_key, is_true, one_of

# Bugs of these are still mended: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
_SUPPORTED_RUNTIMES: Final = ("python3.12", "python3.13", "python3.14", "nodejs22.x", "nodejs24.x")
_MANUAL: Final = {"Category": "Approval", "Provider": "Manual"}


def _actions(stage: Mapping[str, Any]) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    """Name, run order and type of each action."""
    for action in as_list(stage.get("Actions")):
        yield str(action.get("Name")), int(action.get("RunOrder", 1)), action.get("ActionTypeId", {})


def _a_person_approves(resource: Resource) -> list[Evidence]:
    """The last environment of the pipeline: nothing there moves live traffic before a person has approved."""
    stage = as_list(resource.at("Stages"))[-1:]
    actions = list(_actions(stage[0])) if stage else []
    approvals = [order for _, order, type_ in actions if _MANUAL.items() <= type_.items()]
    shifts = [order for name, order, _ in actions if name == "Shift"]
    holds = bool(approvals and shifts) and max(approvals) < min(shifts)
    return [Evidence(path="Properties.Stages", value=f"approval at {approvals}, shift at {shifts}", holds=holds)]


def _nothing_of_other_accounts(resource: Resource) -> list[Evidence]:
    """The function's role and network are of its own account: no ARN of it names another."""
    accounts = {
        parts[4]
        for text in texts(resource.properties)
        if text.startswith("arn:") and len(parts := text.split(":")) > 5 and parts[4].isdigit()
    }
    foreign = sorted(accounts - {resource.estate.account})
    return [Evidence(path="Properties", value=foreign or resource.estate.account, holds=not foreign)]


RULES: Final = (
    Rule(
        id="DatabaseTakesPatches",
        requirement="6.3.3",
        control="The database installs its minor versions by itself",
        types=["AWS::RDS::DBInstance"],
        check=demand("AutoMinorVersionUpgrade", is_true),
    ),
    Rule(
        id="RuntimeIsSupported",
        requirement="6.3.3",
        control="Functions run on runtimes that still get security patches",
        types=["AWS::Lambda::Function"],
        check=demand("Runtime", lambda runtime: isinstance(runtime, dict) or runtime in _SUPPORTED_RUNTIMES),
    ),
    Rule(
        id="StagesHaveAFirewall",
        requirement="6.4.2",
        control="An automated solution detects and prevents web-based attacks in front of every stage of the API",
        types=["AWS::ApiGateway::Stage"],
        check=companion(
            ["AWS::WAFv2::WebACLAssociation"], lambda stage, entry: stage.is_named_by(entry, "ResourceArn")
        ),
    ),
    Rule(
        id="ApprovedBeforeLive",
        requirement="6.5.1",
        control="No change meets live traffic of the last environment without a person's approval",
        types=["AWS::CodePipeline::Pipeline"],
        check=_a_person_approves,
    ),
    Rule(
        id="BuildsAreConfined",
        requirement="6.5.1",
        control="Builds have no privileges on their host and keep what they make encrypted with an own key",
        types=["AWS::CodeBuild::Project"],
        check=every(demand("Environment.PrivilegedMode", one_of(False, None)), demand("EncryptionKey", is_own_key)),
    ),
    Rule(
        id="ArtifactsAreEncrypted",
        requirement="6.5.1",
        control="What passes through the pipeline is encrypted with a key that this application controls",
        types=["AWS::CodePipeline::Pipeline"],
        check=demand("ArtifactStore.EncryptionKey.Id", is_own_key),
    ),
    Rule(
        id="EnvironmentsAreSeparate",
        requirement="6.5.3",
        control="A function uses nothing of another environment's account",
        types=["AWS::Lambda::Function"],
        check=_nothing_of_other_accounts,
    ),
)
