"""What a room can add, and what is refused."""

from __future__ import annotations

import pytest

from local.engine.registry import AlreadyRegisteredError, Provisioned, Registry, Resource
from tests.engine.embedded import EmbeddedAws, StackFailedError


def made(_: Resource) -> Provisioned:
    return Provisioned(physical_id="x")


def test_two_rooms_cannot_provide_the_same_template_type() -> None:
    registry = Registry()
    registry.resource_type("AWS::X::Y", create=made, delete=lambda _: None)

    with pytest.raises(AlreadyRegisteredError, match="AWS::X::Y"):
        registry.resource_type("AWS::X::Y", create=made, delete=lambda _: None)


def test_a_property_without_behaviour_is_refused_by_name(engine: EmbeddedAws, account: str) -> None:
    address = {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc", "PublicIpv4Pool": "pool"}}

    with pytest.raises(StackFailedError, match="AWS::EC2::EIP: the embedded AWS has no behaviour for PublicIpv4Pool"):
        engine.deploy({"Address": address}, account=account)


def test_an_unknown_type_is_refused_by_name(engine: EmbeddedAws, account: str) -> None:
    with pytest.raises(Exception, match="AWS::No::Such"):
        engine.deploy({"X": {"Type": "AWS::No::Such"}}, account=account)
