"""The templates of an environment's stacks: as deployed, and as synthesized."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from release.errors import Refused
from release.names import stacks

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

Templates = dict[str, Mapping[str, Any]]


def deployed_templates(client: "CloudFormationClient", suffix: str) -> Templates:
    """By stack name; a stack that does not exist is left out."""
    found: Templates = {}
    for name in stacks(suffix):
        try:
            # The stubs promise a document; boto3 answers a YAML template as text.
            body: object = client.get_template(StackName=name, TemplateStage="Original")["TemplateBody"]
        except ClientError as error:
            details = error.response["Error"]
            if details["Code"] == "ValidationError" and "does not exist" in details.get("Message", ""):
                continue
            raise
        found[name] = json.loads(body) if isinstance(body, str) else cast("Mapping[str, Any]", body)
    return found


def synthesized_templates(assembly: Path, suffix: str) -> Templates:
    """By stack name, from a cloud assembly and those nested in it. Raises `Refused` when a stack is missing."""
    wanted = set(stacks(suffix))
    found = {name: json.loads(path.read_text()) for name, path in _stacks_of(assembly) if name in wanted}
    if missing := sorted(wanted - set(found)):
        raise Refused(f"{assembly} holds no template of {', '.join(missing)}")
    return found


def _stacks_of(assembly: Path) -> Iterator[tuple[str, Path]]:
    for manifest in sorted(assembly.rglob("manifest.json")):
        for artifact in json.loads(manifest.read_text()).get("artifacts", {}).values():
            properties = artifact.get("properties", {})
            if artifact["type"] == "aws:cloudformation:stack" and "stackName" in properties:
                yield properties["stackName"], manifest.parent / properties["templateFile"]
