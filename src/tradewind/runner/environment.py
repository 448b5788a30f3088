"""The environment of processes that run user code: the control plane's, without its credentials."""

from collections.abc import Mapping

_CREDENTIALS = (
    "TRADEWIND_DATABASE__",
    "TRADEWIND_STORAGE__",
    "PGPASSWORD",  # libpq takes it when the URL has none
    "PGPASSFILE",
    "TRADEWIND_API__",
    "TRADEWIND_CELERY__",
    "TRADEWIND_CORE__FERNET_KEY",
    "TRADEWIND_SECURITY__",
    "AIRFLOW__DATABASE__",
    "AIRFLOW__CORE__SQL_ALCHEMY_CONN",
    "AIRFLOW__CORE__FERNET_KEY",
    "AIRFLOW__API__SECRET_KEY",
    "AIRFLOW__API_AUTH__",
    "AIRFLOW__CELERY__",
    "AIRFLOW__WEBSERVER__SECRET_KEY",
)


def without_credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """All but the settings that hold database, broker and signing credentials."""
    return {name: v for name, v in environment.items() if not name.startswith(_CREDENTIALS)}
