"""What the embedded AWS ignores of our templates is a short list with reasons, and nobody lengthens it unseen."""

from __future__ import annotations

from local.engine.audit import findings
from local.engine.ignored_properties import IGNORED
from tests.pipeline.synthesis import Assembly

# CDK adds it to other applications; ours has switched it off.
NOT_OURS = {"AWS::CDK::Metadata"}


def test_embedded_aws_ignores_of_our_templates_what_is_listed_and_nothing_else(assembly: Assembly) -> None:
    found = findings(assembly.directory)

    assert found.refused == ()
    assert set(found.ignored) == {(name, p) for name in IGNORED.keys() - NOT_OURS for p in IGNORED[name]}
    # The firewall's rule on card numbers is judged; those that AWS manages or counts are not.
    assert set(found.unjudged) == {
        "rate-per-address",
        "AWSManagedRulesAmazonIpReputationList",
        "AWSManagedRulesCommonRuleSet",
        "AWSManagedRulesKnownBadInputsRuleSet",
    }
