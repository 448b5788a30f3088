"""`airflow.providers_manager`, for the provider packages that ask it while they are imported."""


class ProvidersManager:
    """Knows of no provider; those who ask have an answer of their own for that."""
