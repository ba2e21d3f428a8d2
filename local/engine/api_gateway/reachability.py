"""Whether a VPC link's packets and its TLS handshake would get through to a load balancer.

Security groups: https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
Certificates: https://docs.aws.amazon.com/apigateway/latest/developerguide/private-integration.html
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from local.engine import inprocess
from local.engine.api_gateway.vpc_links import VpcLink
from local.engine.load_balancer.model import Listener, LoadBalancer

REMEMBERED_SECONDS = 2.0
Rule = dict[str, Any]


class Reachability:
    """Asks EC2 and ACM of the engine; answers on networks are remembered for a moment, certificates for good."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._paths: dict[tuple[str, str, int], tuple[float, bool]] = {}
        self._names: dict[str, Sequence[str]] = {}

    async def open_path(self, link: VpcLink, load_balancer: LoadBalancer, listener: Listener) -> bool:
        """Whether the link's security groups may send to the listener's port and the load balancer's may take it."""
        key = (link.id, load_balancer.arn, listener.port)
        until, answer = self._paths.get(key, (0.0, False))
        if self._clock() >= until:
            answer = await _open_path(link, load_balancer, listener.port)
            self._paths[key] = (self._clock() + REMEMBERED_SECONDS, answer)
        return answer

    async def certified(self, listener: Listener, host: str) -> bool:
        """Whether a certificate of an HTTPS listener has the name that the integration's URI asks for."""
        if listener.protocol != "HTTPS":
            return True
        for arn in listener.certificates:
            if any(_covers(name, host) for name in await self._certificate(arn)):
                return True
        return False

    async def _certificate(self, arn: str) -> Sequence[str]:
        if arn not in self._names:
            _, _, _, region, account, *_ = arn.split(":")
            try:
                found = await inprocess.call(
                    "acm", "DescribeCertificate", account=account, region=region, CertificateArn=arn
                )
            except ClientError:
                return ()
            certificate = found["Certificate"]
            self._names[arn] = (certificate["DomainName"], *certificate.get("SubjectAlternativeNames", []))
        return self._names[arn]


async def _open_path(link: VpcLink, load_balancer: LoadBalancer, port: int) -> bool:
    _, _, _, region, account, *_ = load_balancer.arn.split(":")

    async def groups(ids: Sequence[str]) -> list[Any]:
        by_name = [{"Name": "vpc-id", "Values": [link.vpc_id]}, {"Name": "group-name", "Values": ["default"]}]
        wanted: dict[str, Any] = {"GroupIds": list(ids)} if ids else {"Filters": by_name}
        answer = await inprocess.call("ec2", "DescribeSecurityGroups", account=account, region=region, **wanted)
        found: list[Any] = answer["SecurityGroups"]
        return found

    async def networks(ids: Sequence[str]) -> list[Any]:
        answer = await inprocess.call("ec2", "DescribeSubnets", account=account, region=region, SubnetIds=list(ids))
        return [ipaddress.ip_network(subnet["CidrBlock"]) for subnet in answer["Subnets"]]

    try:
        senders, receivers = await groups(link.security_groups), await groups(load_balancer.security_groups)
        near, far = await networks(link.subnets), await networks([zone["SubnetId"] for zone in load_balancer.zones])
    except ClientError:
        return False
    sender_ids, receiver_ids = ({group["GroupId"] for group in side} for side in (senders, receivers))
    sends = any(_admits(rule, port, receiver_ids, far) for g in senders for rule in g["IpPermissionsEgress"])
    takes = any(_admits(rule, port, sender_ids, near) for g in receivers for rule in g["IpPermissions"])
    return sends and takes


def _admits(rule: Rule, port: int, peer_groups: set[str], peer_networks: Sequence[Any]) -> bool:
    if rule["IpProtocol"] not in ("tcp", "6", "-1"):
        return False
    if rule["IpProtocol"] != "-1" and not rule.get("FromPort", 0) <= port <= rule.get("ToPort", 65_535):
        return False
    if peer_groups & {pair["GroupId"] for pair in rule.get("UserIdGroupPairs", [])}:
        return True
    ranges = [ipaddress.ip_network(item["CidrIp"]) for item in rule.get("IpRanges", [])]
    return any(network.subnet_of(allowed) for network in peer_networks for allowed in ranges)


def _covers(name: str, host: str) -> bool:
    name, host = name.lower(), host.lower()
    return name == host or (name.startswith("*.") and name[1:] == host[host.find(".") :] and "." in host)
