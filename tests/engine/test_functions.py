"""Lambda: template properties, versions and aliases, and the processes that functions run in.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Lambda.html
https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from release.aws.functions import Aliases
from release.names import Colour
from tests.engine.embedded import EmbeddedAws, Stack, eventually, template

SOURCE = """
import importlib, os, sys, time

def handler(event, context):
    if event.get("raise"):
        raise ValueError("no good")
    if event.get("sleep"):
        time.sleep(event["sleep"])
    if event.get("import"):
        return importlib.import_module(event["import"]).__name__
    print("said", event.get("say"))
    return {
        "arn": context.invoked_function_arn,
        "version": context.function_version,
        "environment_version": os.environ["AWS_LAMBDA_FUNCTION_VERSION"],
    }
"""


def role() -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]}},
    }


def function(source: str = SOURCE, **more: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": "pay",
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Code": {"ZipFile": source},
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "LoggingConfig": {"LogGroup": "/payment/pay"},
            **more,
        },
    }


def version(description: str = "first") -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Version",
        "DeletionPolicy": "RetainExceptOnCreate",
        "UpdateReplacePolicy": "Retain",
        "Properties": {"FunctionName": {"Ref": "Function"}, "Description": description},
    }


def alias(of: str) -> dict[str, Any]:
    properties = {
        "FunctionName": {"Ref": "Function"},
        "Name": "blue",
        "FunctionVersion": {"Fn::GetAtt": [of, "Version"]},
    }
    return {"Type": "AWS::Lambda::Alias", "Properties": properties}


def deployed(engine: EmbeddedAws, account: str, **more: Any) -> Stack:
    resources = {"Role": role(), "Function": function(**more), "One": version(), "Blue": alias("One")}
    return engine.deploy(resources, account=account)


def invoke(client: Any, name: str, event: dict[str, Any]) -> dict[str, Any]:
    answered = client.invoke(FunctionName=name, Payload=json.dumps(event))
    return {"error": answered.get("FunctionError"), "payload": json.loads(answered["Payload"].read())}


def test_function_knows_by_which_name_it_was_called(engine: EmbeddedAws, account: str) -> None:
    deployed(engine, account)
    client = engine.client("lambda", account=account)
    arn = f"arn:aws:lambda:us-east-1:{account}:function:pay"

    by_alias, plain = invoke(client, "pay:blue", {})["payload"], invoke(client, f"{arn}", {})["payload"]

    assert by_alias == {"arn": f"{arn}:blue", "version": "1", "environment_version": "1"}
    assert plain == {"arn": arn, "version": "$LATEST", "environment_version": "$LATEST"}


def test_versions_keep_their_description_and_outlive_their_resource(engine: EmbeddedAws, account: str) -> None:
    stack = deployed(engine, account)
    client = engine.client("lambda", account=account)

    second = {"Role": role(), "Function": function(SOURCE + "\n# 2"), "Two": version("second"), "Blue": alias("Two")}
    stack.update(TemplateBody=template(second))

    assert client.get_alias(FunctionName="pay", Name="blue")["FunctionVersion"] == "2"
    for number, description in (("1", "first"), ("2", "second")):
        found = client.get_function_configuration(FunctionName="pay", Qualifier=number)
        assert (found["Version"], found["Description"]) == (number, description)


def test_a_version_made_by_an_update_that_fails_is_removed(engine: EmbeddedAws, account: str) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html"""
    stack = deployed(engine, account)
    client = engine.client("lambda", account=account)
    broken = {
        "Role": role(),
        "Function": function(SOURCE + "\n# 2"),
        "Two": version("second"),
        "Blue": alias("Two"),
        "Broken": {"Type": "AWS::EC2::EIP", "DependsOn": "Blue", "Properties": {"InstanceId": "i-1"}},
    }

    with pytest.raises(AssertionError, match="UPDATE_ROLLBACK_COMPLETE"):
        stack.update(TemplateBody=template(broken))

    numbers = [v["Version"] for v in client.list_versions_by_function(FunctionName="pay")["Versions"]]
    assert numbers == ["$LATEST", "1"]
    assert client.get_alias(FunctionName="pay", Name="blue")["FunctionVersion"] == "1"


def test_dropped_properties_are_applied_and_reverted(engine: EmbeddedAws, account: str) -> None:
    network: dict[str, Any] = {
        "Network": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.9.0.0/16"}},
        "Subnet": {
            "Type": "AWS::EC2::Subnet",
            "Properties": {"VpcId": {"Ref": "Network"}, "CidrBlock": "10.9.0.0/24"},
        },
        "Group": {
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {"GroupDescription": "x", "VpcId": {"Ref": "Network"}},
        },
        "Role": role(),
    }
    inside = {"SubnetIds": [{"Ref": "Subnet"}], "SecurityGroupIds": [{"Ref": "Group"}]}
    full = function(VpcConfig=inside, ReservedConcurrentExecutions=3, TracingConfig={"Mode": "Active"})
    stack = engine.deploy({**network, "Function": full}, account=account)
    client = engine.client("lambda", account=account)

    found = client.get_function_configuration(FunctionName="pay")
    assert found["VpcConfig"]["VpcId"] == stack.resources["Network"]
    assert found["TracingConfig"] == {"Mode": "Active"}
    assert client.get_function_concurrency(FunctionName="pay")["ReservedConcurrentExecutions"] == 3

    stack.update(TemplateBody=template({**network, "Function": function()}))

    assert client.get_function_configuration(FunctionName="pay")["VpcConfig"]["SubnetIds"] == []
    assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(FunctionName="pay")


def test_reserved_concurrency_holds_for_aliases(engine: EmbeddedAws, account: str) -> None:
    deployed(engine, account, ReservedConcurrentExecutions=0)
    client = engine.client("lambda", account=account)

    with pytest.raises(client.exceptions.TooManyRequestsException):
        invoke(client, "pay:blue", {})


def test_errors_come_back_with_their_type(engine: EmbeddedAws, account: str) -> None:
    deployed(engine, account)

    answered = invoke(engine.client("lambda", account=account), "pay:blue", {"raise": True})

    assert answered["error"] == "Unhandled"
    assert answered["payload"]["errorType"] == "ValueError"
    assert answered["payload"]["errorMessage"] == "no good"
    assert "index.py" in answered["payload"]["stackTrace"][0]


def test_each_invocation_logs_its_own_lines(engine: EmbeddedAws, account: str) -> None:
    deployed(engine, account)
    client, logs = engine.client("lambda", account=account), engine.client("logs", account=account)

    for number in range(5):
        invoke(client, "pay:blue", {"say": number})

    events = logs.filter_log_events(logGroupName="/payment/pay")["events"]
    by_stream: dict[str, list[str]] = {}
    for event in events:
        by_stream.setdefault(event["logStreamName"], []).append(event["message"])
    said = [[line for line in lines if line.startswith("said")] for lines in by_stream.values()]
    assert sorted(said) == [[f"said {number}"] for number in range(5)]


@pytest.mark.parametrize(("module", "there"), [("boto3", True), ("aws_lambda_powertools", False), ("pytest", False)])
def test_functions_import_only_what_lambda_provides(
    engine: EmbeddedAws, account: str, module: str, there: bool
) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html"""
    deployed(engine, account)

    answered = invoke(engine.client("lambda", account=account), "pay", {"import": module})

    assert (answered["error"] is None) is there


def test_alias_has_metrics_of_its_own(engine: EmbeddedAws, account: str) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html"""
    deployed(engine, account)
    invoke(engine.client("lambda", account=account), "pay:blue", {"raise": True})

    metrics = engine.client("cloudwatch", account=account).list_metrics(Namespace="AWS/Lambda", MetricName="Errors")

    dimensions = [{d["Name"]: d["Value"] for d in metric["Dimensions"]} for metric in metrics["Metrics"]]
    assert {"FunctionName": "pay", "Resource": "pay:blue"} in dimensions


def test_parameters_are_read_again_at_every_update(engine: EmbeddedAws, account: str) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html"""
    ssm = engine.client("ssm", account=account)
    ssm.put_parameter(Name="/release/state", Type="StringList", Value="blue,1")
    state = {"Type": "AWS::SSM::Parameter::Value<List<String>>", "Default": "/release/state"}
    chosen = {
        "Type": "AWS::SSM::Parameter",
        "Properties": {"Name": "chosen", "Type": "String", "Value": {"Fn::Select": [1, {"Ref": "State"}]}},
    }
    live = {"Fn::Equals": [{"Fn::Select": [0, {"Ref": "State"}]}, "blue"]}
    stack = engine.deploy(
        {"Chosen": chosen},
        account=account,
        outputs={"Live": {"Fn::If": ["BlueIsLive", "blue", "green"]}},
        Parameters={"State": state},
        Conditions={"BlueIsLive": live},
    )
    assert stack.outputs == {"Live": "blue"}

    ssm.put_parameter(Name="/release/state", Type="StringList", Value="green,2", Overwrite=True)
    stack = stack.update(UsePreviousTemplate=True, Parameters=[{"ParameterKey": "State", "UsePreviousValue": True}])

    assert stack.outputs == {"Live": "green"}
    assert ssm.get_parameter(Name="chosen")["Parameter"]["Value"] == "2"


def test_busy_function_is_waited_for_and_not_throttled(engine: EmbeddedAws, account: str) -> None:
    deployed(engine, account, Timeout=10)
    client = engine.client("lambda", account=account)
    for _ in range(6):
        client.invoke(FunctionName="pay:blue", InvocationType="Event", Payload=json.dumps({"sleep": 0.3}))

    assert invoke(client, "pay:blue", {})["error"] is None
    eventually(lambda: _sum(engine, account, "Throttles") == 0 and _sum(engine, account, "Invocations") == 7)


def _sum(engine: EmbeddedAws, account: str, metric: str) -> float:
    import datetime

    now = datetime.datetime.now(datetime.UTC)
    points = engine.client("cloudwatch", account=account).get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName=metric,
        Dimensions=[{"Name": "FunctionName", "Value": "pay"}, {"Name": "Resource", "Value": "pay:blue"}],
        StartTime=now - datetime.timedelta(minutes=5),
        EndTime=now + datetime.timedelta(minutes=1),
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(point["Sum"] for point in points))


def test_the_controller_prunes_versions_and_moves_provisioned_concurrency(engine: EmbeddedAws, account: str) -> None:
    """The Lambda calls of releases, as the controller makes them."""
    client = engine.client("lambda", account=account)
    name, trust = "payment-lab-fraud", role()["Properties"]["AssumeRolePolicyDocument"]
    iam = engine.client("iam", account=account)
    arn = iam.create_role(RoleName="lab", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("code.py", "def handler(event, context):\n    return 1\n")
    client.create_function(
        FunctionName=name, Runtime="python3.13", Role=arn, Handler="code.handler", Code={"ZipFile": archive.getvalue()}
    )
    for number in ("1", "2", "3"):
        client.update_function_configuration(FunctionName=name, Description=number)
        assert client.publish_version(FunctionName=name)["Version"] == number
    client.create_alias(FunctionName=name, Name="blue", FunctionVersion="2")

    aliases = Aliases(client, "lab")
    assert aliases.versions("fraud") == ("1", "2", "3")
    assert aliases.delete("fraud", "1")
    assert not aliases.delete("fraud", "2")
    assert aliases.versions("fraud") == ("2", "3")
    assert aliases.provisioned("fraud", Colour.BLUE) is None
    assert aliases.provisioned("fraud", Colour.GREEN) is None
    aliases.provision("fraud", Colour.BLUE, 2)
    eventually(lambda: aliases.provisioned("fraud", Colour.BLUE) == "READY")
    aliases.unprovision("fraud", Colour.BLUE)
    assert aliases.provisioned("fraud", Colour.BLUE) is None
