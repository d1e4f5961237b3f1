"""AppConfig: the feature flags, as hosted versions of a feature flag profile, the last one deployed.

https://docs.aws.amazon.com/appconfig/latest/userguide/appconfig-type-reference-feature-flags.html
"""

import json

from ons_sandbox.platform import names
from ons_sandbox.platform.clients import Clients

# The hosted versions, oldest first: which flags each switched on, and what for.
VERSIONS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset(), "All flags off"),
    (frozenset({"enable_enhanced_processing"}), "Check ranges"),
    (
        frozenset({"enable_enhanced_processing", "enable_new_api_endpoint"}),
        "Series in the answers of the API",
    ),
)


def create(aws: Clients) -> None:
    """Create application, environment, profile and strategy, and deploy each version in turn."""
    appconfig = aws("appconfig")
    application = appconfig.create_application(Name=names.FLAG_APPLICATION)["Id"]
    environment = appconfig.create_environment(ApplicationId=application, Name=names.FLAG_ENVIRONMENT)["Id"]
    profile = appconfig.create_configuration_profile(
        ApplicationId=application,
        Name=names.FLAG_PROFILE,
        LocationUri="hosted",
        Type="AWS.AppConfig.FeatureFlags",
    )["Id"]
    # The predefined AllAtOnce bakes for ten minutes, and blocks the next deployment meanwhile.
    strategy = appconfig.create_deployment_strategy(
        Name=names.FLAG_STRATEGY,
        DeploymentDurationInMinutes=0,
        FinalBakeTimeInMinutes=0,
        GrowthFactor=100,
        GrowthType="LINEAR",
        ReplicateTo="NONE",
    )["Id"]
    for enabled, description in VERSIONS:
        version = appconfig.create_hosted_configuration_version(
            ApplicationId=application,
            ConfigurationProfileId=profile,
            Content=document(enabled),
            ContentType="application/json",
            Description=description,
        )["VersionNumber"]
        appconfig.start_deployment(
            ApplicationId=application,
            EnvironmentId=environment,
            DeploymentStrategyId=strategy,
            ConfigurationProfileId=profile,
            ConfigurationVersion=str(version),
            Description=description,
        )


def document(enabled: frozenset[str]) -> bytes:
    """A feature flag document with these flags on and the others off."""
    flags = {name: {"name": name, "description": what} for name, what in names.FLAGS.items()}
    values = {name: {"enabled": name in enabled} for name in names.FLAGS}
    return json.dumps({"version": "1", "flags": flags, "values": values}).encode()
