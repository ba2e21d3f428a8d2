"""Template properties that have no effect in the embedded AWS, each with the reason why that is no lie.

A dotted path is a nested property; an entry covers everything below it.
"""

from __future__ import annotations

NO_INSIGHTS = "no performance data is collected here, so there is none to show, to encrypt or to keep"

IGNORED: dict[str, dict[str, str]] = {
    "AWS::CDK::Metadata": {"Analytics": "CDK's own usage report; it reaches nobody from here"},
    "AWS::CloudWatch::Dashboard": {"Tags": "tags of a dashboard serve cost reports only, and nothing costs here"},
    "AWS::CodePipeline::Pipeline": {"Tags": "nothing costs here, and no policy asks for a pipeline's tags"},
    "AWS::RDS::DBCluster": {
        "DatabaseInsightsMode": NO_INSIGHTS,
        "PerformanceInsightsEnabled": NO_INSIGHTS,
        "PerformanceInsightsKmsKeyId": NO_INSIGHTS,
        "PerformanceInsightsRetentionPeriod": NO_INSIGHTS,
        "EnableCloudwatchLogsExports": "PostgreSQL's log stays in the engine's folder and holds no statements",
    },
    "AWS::RDS::DBInstance": {
        "PerformanceInsightsKMSKeyId": NO_INSIGHTS,
        "PerformanceInsightsRetentionPeriod": NO_INSIGHTS,
    },
}
