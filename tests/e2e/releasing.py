"""Releases in one environment without a pipeline: new versions, deployed by change sets, and the real controller."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from local.single_environment import RELEASER, Environment
from release.names import FUNCTIONS, LIVE_STAGE, ROUTED, Colour, function, load_balancer, release_role, stack

PACKAGES: Final = {
    "validation": "payment_validation",
    "processing": "transaction_processing",
    "fraud": "fraud_detection",
}
_DEADLINE_SECONDS: Final = 120.0
_LOOK_SECONDS: Final = 0.1
Live = dict[str, Any]


@dataclass
class Releasing:
    """One environment and the ways to change it."""

    environment: Environment
    factor: float = 0.02

    @property
    def suffix(self) -> str:
        return self.environment.target.suffix

    # --- the controller ---

    def start(self, command: str, *options: str, factor: float | None = None) -> subprocess.Popen[str]:
        """The command as the pipeline's step runs it: its role assumes the environment's."""
        role = f"arn:aws:iam::{self.environment.target.account}:role/{release_role(self.suffix)}"
        return subprocess.Popen(
            [sys.executable, "-m", "release", command, "--suffix", self.suffix, "--role-arn", role, *options],
            cwd=self.environment.checkout,
            env=self.environment.step_environment(RELEASER) | {"RELEASE_CLOCK_FACTOR": str(factor or self.factor)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: str, *options: str, factor: float | None = None) -> tuple[int, str]:
        """Exit code and output."""
        process = self.start(command, *options, factor=factor)
        output, _ = process.communicate(timeout=900)
        return process.returncode, output

    def status(self) -> dict[str, Any]:
        code, output = self.run("status", "--json")
        assert code == 0, output
        found: dict[str, Any] = json.loads(output)
        return found

    # --- deployments ---

    def deploy(self, number: int, code: Mapping[str, str], *, fails: bool = False) -> bool:
        """Deploy the compute stack with `code` added to functions' handlers. Whether the update succeeded."""
        cloudformation = self.environment.session().client("cloudformation")
        name = stack(self.suffix, "compute")
        template = self._template(cloudformation.get_template(StackName=name)["TemplateBody"], number, code)
        if fails:
            aliases = [i for i, r in template["Resources"].items() if r["Type"] == "AWS::Lambda::Alias"]
            template["Resources"]["Impossible"] = {
                "Type": "AWS::SNS::Topic",
                "Properties": {"NoSuchProperty": "so that it cannot be made"},
                "DependsOn": aliases,
            }
        described = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        change = cloudformation.create_change_set(
            StackName=name,
            ChangeSetName=f"release-{number}",
            TemplateURL=self._upload(f"template-{number}-{time.time_ns()}.json", json.dumps(template).encode()),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=[
                {"ParameterKey": parameter["ParameterKey"], "UsePreviousValue": True}
                for parameter in described.get("Parameters", [])
            ],
        )["Id"]
        _until(lambda: cloudformation.describe_change_set(ChangeSetName=change)["Status"] != "CREATE_IN_PROGRESS")
        cloudformation.execute_change_set(ChangeSetName=change)

        def status() -> str:
            return str(cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])

        _until(lambda: not status().endswith("_IN_PROGRESS"))
        return status() == "UPDATE_COMPLETE"

    def _template(self, deployed: object, number: int, code: Mapping[str, str]) -> dict[str, Any]:
        text = deployed if isinstance(deployed, str) else json.dumps(deployed)
        template: dict[str, Any] = json.loads(text)
        for name, addition in code.items():
            resources = template["Resources"]
            logical_id = next(i for i, r in resources.items() if _is_version(i, r, name))
            source = resources[f"{resources[logical_id]['Properties']['FunctionName']['Ref']}"]["Properties"]["Code"]
            source["S3Key"] = self._asset(source["S3Bucket"], source["S3Key"], name, number, addition)
            renamed = re.sub(r"R\d+$", "", logical_id) + f"R{number}"
            template = json.loads(json.dumps(template).replace(logical_id, renamed))
        return template

    def _asset(self, bucket: str, key: str, name: str, number: int, addition: str) -> str:
        """The function's code with an addition to its handler; what an earlier release added is gone."""
        s3 = self.environment.session().client("s3")
        handler, marker = f"{PACKAGES[name]}/handler.py", "\n# --- added by a test ---\n"
        with zipfile.ZipFile(io.BytesIO(s3.get_object(Bucket=bucket, Key=key)["Body"].read())) as whole:
            files = {entry: whole.read(entry) for entry in whole.namelist() if not entry.endswith("/")}
        files[handler] = (files[handler].decode().partition(marker)[0] + marker + addition).encode()
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for entry, content in files.items():
                archive.writestr(entry, content)
        made = f"test-{name}-{number}-{time.time_ns()}.zip"
        s3.put_object(Bucket=bucket, Key=made, Body=buffer.getvalue())
        return made

    def _upload(self, key: str, body: bytes) -> str:
        account, region = self.environment.target.account, self.environment.target.region
        bucket = f"cdk-hnb659fds-assets-{account}-{region}"
        self.environment.session().client("s3").put_object(Bucket=bucket, Key=key, Body=body)
        return f"https://s3.{region}.amazonaws.com/{bucket}/{key}"

    # --- what a payment could notice ---

    def live(self) -> Live:
        """Weights of the routed rules, versions behind every colour that has traffic, and the live stage."""
        session = self.environment.session()
        elbv2, lambda_ = session.client("elbv2"), session.client("lambda")
        balancer = elbv2.describe_load_balancers(Names=[load_balancer(self.suffix)])["LoadBalancers"][0]
        (listener,) = elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
        rules = elbv2.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
        weights = sorted(
            tuple(group["Weight"] for group in sorted(groups, key=lambda each: str(each["TargetGroupArn"])))
            for rule in rules
            if len(groups := rule["Actions"][0].get("ForwardConfig", {}).get("TargetGroups", [])) == 2
        )
        assert len(weights) == len(ROUTED)
        # Target groups are named …-blue and …-green, in this order.
        colours = [c for place, c in enumerate((Colour.BLUE, Colour.GREEN)) if any(pair[place] for pair in weights)]
        versions = {
            (name, colour.value): lambda_.get_alias(FunctionName=function(self.suffix, name), Name=colour.value)[
                "FunctionVersion"
            ]
            for name in FUNCTIONS
            for colour in colours
        }
        api = session.client("apigateway").get_stage(restApiId=self.environment.outputs["ApiId"], stageName=LIVE_STAGE)
        return {"weights": weights, "versions": versions, "stage": api["deploymentId"]}

    def live_versions(self) -> dict[str, str]:
        """Of the one colour that has all traffic."""
        versions: Mapping[tuple[str, str], str] = self.live()["versions"]
        assert len(versions) == len(FUNCTIONS), f"traffic is divided: {versions}"
        return {name: version for (name, _), version in versions.items()}

    def deployed_versions(self) -> dict[str, str]:
        """What the compute stack's outputs say that was deployed last."""
        found = (
            self.environment.session().client("cloudformation").describe_stacks(StackName=stack(self.suffix, "compute"))
        )
        outputs = {each["OutputKey"]: each["OutputValue"] for each in found["Stacks"][0]["Outputs"]}
        return {name: outputs[f"{name.capitalize()}ReleaseVersion"] for name in FUNCTIONS}


@dataclass
class Watchman:
    """Looks at live traffic all the time, and notes every version that has some without having been approved."""

    releasing: Releasing
    approved: set[tuple[str, str]]
    looks: int = 0
    violations: list[str] = field(default_factory=list)

    def __enter__(self) -> Watchman:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def approve(self, versions: Mapping[str, str]) -> None:
        self.approved |= set(versions.items())

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            versions: Mapping[tuple[str, str], str] = self.releasing.live()["versions"]
            self.looks += 1
            for (name, colour), version in versions.items():
                if (name, version) not in self.approved:
                    self.violations.append(f"{name} {version} on {colour} was never approved")


def _is_version(logical_id: str, resource: Mapping[str, Any], name: str) -> bool:
    return resource["Type"] == "AWS::Lambda::Version" and logical_id.startswith(f"{name.capitalize()}Function")


def _until(condition: Any) -> None:
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(_LOOK_SECONDS)
