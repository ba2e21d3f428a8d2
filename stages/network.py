"""The network: three zones with a public, a private and an isolated database subnet each."""

from collections.abc import Sequence

from aws_cdk import Tags
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from release import names
from stages.configuration import AVAILABILITY_ZONES, Environment
from stages.constructs.customer_key import CustomerKey
from stages.constructs.endpoints import add_gateway_endpoints, add_interface_endpoints
from stages.constructs.ipv6_egress import Ipv6Egress
from stages.constructs.key_access import allow_logs
from stages.constructs.library_functions import log_library_functions
from stages.constructs.nag import acknowledge
from stages.constructs.payment_layer import PaymentLayer
from stages.constructs.security_group import PaymentSecurityGroup

HTTPS = 443
POSTGRESQL = 5432


class NetworkStack(PaymentLayer):
    """The VPC and its security groups, which name each other; nothing is reachable from outside."""

    def __init__(self, scope: Construct, *, environment: Environment) -> None:
        super().__init__(scope, "network", environment=environment)
        suffix = environment.suffix
        # Here, since the first functions that log are those that close the network's default security group.
        self.logs_key = CustomerKey(
            self,
            "LogsKey",
            suffix=suffix,
            role="logs",
            protects="log groups",
            keep=environment.storage.keep_on_teardown,
        )
        allow_logs(
            self.logs_key,
            log_group_patterns=[
                names.log_group(suffix, "*"),
                f"/aws/rds/cluster/{names.database_cluster(suffix)}/*",
                f"aws-waf-logs-{names.prefix(suffix)}",
            ],
        )
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            vpc_name=names.resource(suffix, "vpc"),
            ip_addresses=ec2.IpAddresses.cidr(environment.network.cidr),
            max_azs=len(AVAILABILITY_ZONES),
            nat_gateways=environment.network.nat_gateways,
            restrict_default_security_group=True,
            subnet_configuration=[
                ec2.SubnetConfiguration(name="Private", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=20),
                ec2.SubnetConfiguration(
                    name="Public", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=24, map_public_ip_on_launch=False
                ),
                ec2.SubnetConfiguration(name="Database", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24),
            ],
        )
        acknowledge(
            self.vpc,
            aws="VPC7",
            pci="VPCFlowLogsEnabled",
            reason="The security stack, which has the key, records this network's traffic; the rule sees one stack",
        )
        add_gateway_endpoints(self.vpc, suffix=suffix)
        if environment.network.egress_over_ipv6:
            Ipv6Egress(self, "Ipv6Egress", vpc=self.vpc, subnets=self.vpc.private_subnets)
        self._name_subnets(suffix)
        self._acknowledge_internet_routes()
        self.link_group = self._group("LinkGroup", "link", "The way of the API into the network")
        self.load_balancer_group = self._group("LoadBalancerGroup", "alb", "The private load balancer")
        self.functions_group = self._group("FunctionsGroup", "functions", "The functions")
        self.database_group = self._group("DatabaseGroup", "database", "The database")
        if environment.network.interface_endpoints:
            self._add_interface_endpoints(environment.network.interface_endpoints)
        self._connect(egress_over_ipv6=environment.network.egress_over_ipv6)
        log_library_functions(
            self,
            name=names.log_group(suffix, "library-network"),
            key=self.logs_key,
            retention_days=environment.network.log_retention_days,
        )
        self.outputs({"VpcId": self.vpc.vpc_id, "EnvironmentSuffix": suffix})

    def _group(self, construct_id: str, role: str, description: str) -> PaymentSecurityGroup:
        return PaymentSecurityGroup(
            self, construct_id, name=names.resource(self.suffix, role), description=description, vpc=self.vpc
        )

    def _add_interface_endpoints(self, services: Sequence[str]) -> None:
        group = self._group("EndpointsGroup", "endpoints", "The endpoints of AWS services")
        self.functions_group.reach(group, HTTPS, "functions to AWS APIs")
        add_interface_endpoints(self.vpc, services, suffix=self.suffix, security_group=group)

    def _connect(self, *, egress_over_ipv6: bool) -> None:
        self.link_group.reach(self.load_balancer_group, HTTPS, "API to load balancer")
        self.functions_group.reach(self.database_group, POSTGRESQL, "functions to database")
        # Tables and buckets are reached over IPv4 everywhere: their gateway endpoints cost nothing.
        self.functions_group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(HTTPS), "AWS APIs")
        if egress_over_ipv6:
            self.functions_group.add_egress_rule(ec2.Peer.any_ipv6(), ec2.Port.tcp(HTTPS), "AWS APIs over IPv6")

    def _name_subnets(self, suffix: str) -> None:
        kinds = {
            "public": self.vpc.public_subnets,
            "private": self.vpc.private_subnets,
            "database": self.vpc.isolated_subnets,
        }
        for kind, subnets in kinds.items():
            for zone, subnet in zip(AVAILABILITY_ZONES, subnets, strict=True):
                Tags.of(subnet).add("Name", names.resource(suffix, f"{kind}-{zone}"))
                acknowledge(
                    subnet,
                    template="W3010",
                    reason="Three zones by name: asking the account for its zones would need credentials to synthesize",
                )

    def _acknowledge_internet_routes(self) -> None:
        for subnet in self.vpc.public_subnets:
            acknowledge(
                subnet.node.find_child("DefaultRoute"),
                pci="VPCNoUnrestrictedRouteToIGW",
                reason="A public subnet's route: nothing but NAT gateways has an interface in these subnets",
            )
