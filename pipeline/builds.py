"""How the pipeline's builds run: the image, the tools, the log, and what is kept between two builds."""

from typing import Final

from aws_cdk import Duration, pipelines
from aws_cdk import aws_codebuild as codebuild

from pipeline import toolchain
from pipeline.artifacts import ArtifactStore
from pipeline.settings import PipelineSettings

# What `make setup` prepares, and the files that it prepares it from.
CACHED_PATHS: Final = (".venv/**/*", "node_modules/**/*", "build/layer/**/*")
LOCK_FILES: Final = ("requirements.txt", "package-lock.json", "lambda_src/requirements.txt")
CACHE_KEY: Final = f"setup-$(codebuild-hash-files {' '.join(LOCK_FILES)})"


def defaults(*, settings: PipelineSettings, artifacts: ArtifactStore) -> pipelines.CodeBuildOptions:
    """What every build of the pipeline has, CDK's own included."""
    return pipelines.CodeBuildOptions(
        build_environment=codebuild.BuildEnvironment(
            build_image=codebuild.LinuxArmBuildImage.AMAZON_LINUX_2023_STANDARD_3_0,
            compute_type=codebuild.ComputeType.SMALL,
        ),
        logging=codebuild.LoggingOptions(cloud_watch=codebuild.CloudWatchLoggingOptions(log_group=artifacts.log_group)),
        timeout=Duration.minutes(settings.build_minutes),
        partial_build_spec=codebuild.BuildSpec.from_object(
            {
                "version": "0.2",
                "phases": {
                    "install": {"runtime-versions": {"python": toolchain.PYTHON, "nodejs": toolchain.NODE}},
                },
            }
        ),
    )


def checkout_cache(artifacts: ArtifactStore) -> codebuild.Cache:
    """One cache for all builds that start from the source."""
    return codebuild.Cache.bucket(artifacts.bucket, prefix="cache", cache_namespace="setup")


def checkout_build_spec() -> codebuild.BuildSpec:
    """The part of the buildspec that such a build adds."""
    return codebuild.BuildSpec.from_object({"version": "0.2", "cache": {"key": CACHE_KEY, "paths": list(CACHED_PATHS)}})
