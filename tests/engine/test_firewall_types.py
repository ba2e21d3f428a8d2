"""WAF associations and logging.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-wafv2-webaclassociation.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-wafv2-loggingconfiguration.html
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.embedded import EmbeddedAws


def test_web_acl_is_associated_and_logs_where_the_template_says(engine: EmbeddedAws, account: str) -> None:
    metrics = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "pay"}
    target = "arn:aws:apigateway:us-east-1::/restapis/abcdefghij/stages/live"
    destination = f"arn:aws:logs:us-east-1:{account}:log-group:aws-waf-logs-pay"
    acl = {"Fn::GetAtt": ["Acl", "Arn"]}
    resources: dict[str, Any] = {
        "Acl": {
            "Type": "AWS::WAFv2::WebACL",
            "Properties": {"Scope": "REGIONAL", "DefaultAction": {"Allow": {}}, "VisibilityConfig": metrics},
        },
        "Association": {
            "Type": "AWS::WAFv2::WebACLAssociation",
            "Properties": {"WebACLArn": acl, "ResourceArn": target},
        },
        "Logging": {
            "Type": "AWS::WAFv2::LoggingConfiguration",
            "Properties": {
                "ResourceArn": acl,
                "LogDestinationConfigs": [destination],
                "RedactedFields": [{"SingleHeader": {"Name": "authorization"}}],
            },
        },
    }
    stack = engine.deploy(resources, account=account, outputs={"Acl": acl})
    waf = engine.client("wafv2", account=account)

    assert waf.get_web_acl_for_resource(ResourceArn=target)["WebACL"]["ARN"] == stack.outputs["Acl"]
    logging = waf.get_logging_configuration(ResourceArn=stack.outputs["Acl"])["LoggingConfiguration"]
    assert logging["LogDestinationConfigs"] == [destination]
    assert logging["RedactedFields"] == [{"SingleHeader": {"Name": "authorization"}}]

    stack.delete()

    with pytest.raises(waf.exceptions.WAFNonexistentItemException):
        waf.get_web_acl_for_resource(ResourceArn=target)
    with pytest.raises(waf.exceptions.WAFNonexistentItemException):
        waf.get_logging_configuration(ResourceArn=stack.outputs["Acl"])
