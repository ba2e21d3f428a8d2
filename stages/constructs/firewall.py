"""The web application firewall in front of the API."""

from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from release import names
from stages.constructs.log_group import PaymentLogGroup

MANAGED_GROUPS = (
    "AWSManagedRulesAmazonIpReputationList",
    "AWSManagedRulesCommonRuleSet",
    "AWSManagedRulesKnownBadInputsRuleSet",
)

# Digits like a card number's, of any brand that is accepted, with no hexadecimal digit beside them: load balancers log
# addresses as they are. Payments' ids and UUIDs have longer or shorter runs, cursors have none.
CARD_NUMBER = "(?:^|[^0-9A-Fa-f])(?:2[2-7]|[3-6][0-9])[0-9]{11,17}(?:[^0-9A-Fa-f]|$)"
# What a careless client may put a card number into, and what proves who it is.
REDACTED_HEADERS = ("authorization", "x-amz-security-token", "idempotency-key")

# Rules of a group that only count. Merchants' programs need not say what they are, and every request is signed.
COUNTED = {"AWSManagedRulesCommonRuleSet": ("NoUserAgent_HEADER",)}


class Firewall(Construct):
    """A limit per address over five minutes, no card numbers in addresses, and managed rules.

    Logs carry no credentials, no bodies and not what was asked for.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: str,
        requests_per_address: int,
        logs_key: kms.IKey,
        log_retention_days: int,
    ) -> None:
        super().__init__(scope, construct_id)
        self._suffix = suffix
        self._acl = wafv2.CfnWebACL(
            self,
            "Acl",
            name=names.resource(suffix, "api"),
            scope="REGIONAL",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=self._visibility("all"),
            rules=[
                self._rate_rule(requests_per_address),
                self._card_number_rule(),
                *(self._managed_rule(group, priority) for priority, group in enumerate(MANAGED_GROUPS, start=2)),
            ],
        )
        log_group = PaymentLogGroup(
            self,
            "LogGroup",
            name=f"aws-waf-logs-{names.prefix(suffix)}",  # the firewall writes to no other prefix
            key=logs_key,
            retention_days=log_retention_days,
        )
        stack = Stack.of(self)
        wafv2.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=self._acl.attr_arn,
            log_destination_configs=[
                f"arn:aws:logs:{stack.region}:{stack.account}:log-group:{log_group.log_group_name}"
            ],
            redacted_fields=[
                wafv2.CfnLoggingConfiguration.FieldToMatchProperty(uri_path={}),
                wafv2.CfnLoggingConfiguration.FieldToMatchProperty(query_string={}),
                *(
                    wafv2.CfnLoggingConfiguration.FieldToMatchProperty(single_header={"Name": name})
                    for name in REDACTED_HEADERS
                ),
            ],
        )

    def protect(self, stages: Sequence[tuple[str, str]]) -> None:
        """Put the firewall in front of API stages, given as name and ARN."""
        for name, arn in stages:
            wafv2.CfnWebACLAssociation(
                self,
                "".join(word.capitalize() for word in name.split("-")),
                resource_arn=arn,
                web_acl_arn=self._acl.attr_arn,
            )

    def _rate_rule(self, limit: int) -> wafv2.CfnWebACL.RuleProperty:
        return wafv2.CfnWebACL.RuleProperty(
            name="rate-per-address",
            priority=0,
            action=wafv2.CfnWebACL.RuleActionProperty(block={}),
            statement=wafv2.CfnWebACL.StatementProperty(
                rate_based_statement=wafv2.CfnWebACL.RateBasedStatementProperty(limit=limit, aggregate_key_type="IP")
            ),
            visibility_config=self._visibility("rate"),
        )

    def _card_number_rule(self) -> wafv2.CfnWebACL.RuleProperty:
        fields = (
            wafv2.CfnWebACL.FieldToMatchProperty(uri_path={}),
            wafv2.CfnWebACL.FieldToMatchProperty(query_string={}),
        )
        return wafv2.CfnWebACL.RuleProperty(
            name="card-number-in-address",
            priority=1,
            action=wafv2.CfnWebACL.RuleActionProperty(block={}),
            statement=wafv2.CfnWebACL.StatementProperty(
                or_statement=wafv2.CfnWebACL.OrStatementProperty(
                    statements=[
                        wafv2.CfnWebACL.StatementProperty(
                            regex_match_statement=wafv2.CfnWebACL.RegexMatchStatementProperty(
                                regex_string=CARD_NUMBER,
                                field_to_match=field,
                                text_transformations=[
                                    wafv2.CfnWebACL.TextTransformationProperty(priority=0, type="URL_DECODE")
                                ],
                            )
                        )
                        for field in fields
                    ]
                )
            ),
            visibility_config=self._visibility("card-number"),
        )

    def _managed_rule(self, group: str, priority: int) -> wafv2.CfnWebACL.RuleProperty:
        return wafv2.CfnWebACL.RuleProperty(
            name=group,
            priority=priority,
            override_action=wafv2.CfnWebACL.OverrideActionProperty(none={}),
            statement=wafv2.CfnWebACL.StatementProperty(
                managed_rule_group_statement=wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
                    vendor_name="AWS",
                    name=group,
                    rule_action_overrides=[
                        wafv2.CfnWebACL.RuleActionOverrideProperty(
                            name=rule, action_to_use=wafv2.CfnWebACL.RuleActionProperty(count={})
                        )
                        for rule in COUNTED.get(group, ())
                    ]
                    or None,
                )
            ),
            visibility_config=self._visibility(group),
        )

    def _visibility(self, metric: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
        """Sampled requests would keep headers and bodies outside our own logs: off."""
        return wafv2.CfnWebACL.VisibilityConfigProperty(
            cloud_watch_metrics_enabled=True,
            metric_name=names.resource(self._suffix, metric),
            sampled_requests_enabled=False,
        )
