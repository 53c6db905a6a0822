"""Settings: sigma2hive.yml, the environment, and secrets that never print."""

from sigma2hive.settings.keys import (
    SERVICE_WAYS,
    ElastalertSettings,
    ElasticsearchSettings,
    FloodSettings,
    KibanaSettings,
    Limits,
    NoiseLimits,
    ServiceSettings,
    Settings,
    SourceSettings,
    TheHiveSettings,
    WebhookSettings,
)
from sigma2hive.settings.reading import SETTINGS_FILE, find_settings_file, load_settings
from sigma2hive.settings.rotation import SecretWatch
from sigma2hive.settings.secrets import (
    Secret,
    conceal_credentials,
    has_url_credential,
    is_credential_name,
    secret_from_environment,
)

__all__ = [
    "SERVICE_WAYS",
    "SETTINGS_FILE",
    "ElastalertSettings",
    "ElasticsearchSettings",
    "FloodSettings",
    "KibanaSettings",
    "Limits",
    "NoiseLimits",
    "Secret",
    "SecretWatch",
    "ServiceSettings",
    "Settings",
    "SourceSettings",
    "TheHiveSettings",
    "WebhookSettings",
    "conceal_credentials",
    "find_settings_file",
    "has_url_credential",
    "is_credential_name",
    "load_settings",
    "secret_from_environment",
]
