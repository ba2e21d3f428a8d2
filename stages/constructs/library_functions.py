"""The functions that the library adds for its custom resources: closing a security group, emptying a bucket.

They have no concurrency of their own: each is invoked by CloudFormation, once for its resource while a stack is made or
removed, and never for a payment. That fits into the hundred executions that every account keeps unreserved; what is
reserved for them would be missing for payments all the time.
"""

from aws_cdk import CfnResource, Stack
from aws_cdk import aws_kms as kms

from stages.constructs.log_group import PaymentLogGroup

PROVIDER = "CustomResourceProvider"


def log_library_functions(stack: Stack, *, name: str, key: kms.IKey, retention_days: int) -> None:
    """Let all of them in `stack` write to the one log group `name`. To be called when nothing more is added.

    Left alone, Lambda would make a log group for each, without key and end, and it would outlive the stack.
    """
    handlers = [
        handler
        for child in stack.node.children
        if child.node.id.endswith(PROVIDER) and isinstance(handler := child.node.try_find_child("Handler"), CfnResource)
    ]
    if not handlers:
        return
    group = PaymentLogGroup(stack, "LibraryFunctions", name=name, key=key, retention_days=retention_days)
    for handler in handlers:
        handler.add_property_override("LoggingConfig", {"LogGroup": group.log_group_name})
