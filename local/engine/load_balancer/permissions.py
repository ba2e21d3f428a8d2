"""Whether a function's resource policy lets the load balancer invoke it for a target group.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html#prepare-lambda-function
"""

from __future__ import annotations

from local.engine import context, seams

SERVICE_PRINCIPAL = "elasticloadbalancing.amazonaws.com"


def may_invoke(function_arn: str, *, target_group_arn: str) -> bool:
    """True if the policy of the function (alias or version in the ARN) allows the call from the target group."""
    _, _, _, region, account, *_ = function_arn.split(":")
    with context.acting_in(account, region):
        found = seams.get("lambda.function_policy")(function_arn)
    if found is None:
        return False
    policy, _ = found
    call = seams.get("iam.eval_context")(
        principal_arn=SERVICE_PRINCIPAL,
        principal_type="Service",
        principal_account=target_group_arn.split(":")[4],
        action="lambda:InvokeFunction",
        resource_arn=function_arn,
        region=region,
        service_context={
            "aws:sourcearn": target_group_arn,
            "aws:sourceaccount": target_group_arn.split(":")[4],
        },
    )
    decision = seams.get("iam.evaluate_resource_policy")(policy, call, SERVICE_PRINCIPAL).decision
    return bool(decision == "Allow")
