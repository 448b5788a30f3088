"""Executors by the names that people give them, Airflow's class names among them."""

EXECUTOR_NAMES = {"local": "local", "LocalExecutor": "local", "SequentialExecutor": "local"}


def executor_name(given: str | None) -> str | None:
    """Our name of an executor. An unknown one stays as it is; a module before it counts nothing."""
    return given and EXECUTOR_NAMES.get(given.rpartition(".")[2], given)
