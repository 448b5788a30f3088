"""`conf`: configuration as DAG files read it, from the environment of their own process.

Looked up as ``TRADEWIND_<SECTION>__<KEY>``, then ``AIRFLOW__<SECTION>__<KEY>``, then the few
defaults of Airflow that DAG files ask for, then those of the installed providers. What only the
control plane may know is not here.
"""

import json
import os
from importlib import import_module
from typing import Any

from tradewind.sdk.authoring import NOTSET
from tradewind.sdk.exceptions import AirflowConfigException

_DEFAULTS = {
    ("core", "default_timezone"): "utc",
    ("core", "executor"): "LocalExecutor",
    ("core", "load_examples"): "False",
    ("core", "parallelism"): "32",
    ("core", "max_active_tasks_per_dag"): "16",
    ("core", "max_active_runs_per_dag"): "16",
    ("core", "default_task_retries"): "0",
    ("core", "max_map_length"): "1024",
    ("operators", "default_owner"): "airflow",
    ("operators", "default_queue"): "default",
    ("operators", "default_deferrable"): "False",
    ("sensors", "default_timeout"): "604800",
    ("standard", "venv_install_method"): "auto",
    ("email", "from_email"): "airflow@localhost",
    ("smtp", "smtp_host"): "localhost",
    ("smtp", "smtp_port"): "25",
    ("smtp", "smtp_starttls"): "True",
    ("smtp", "smtp_ssl"): "False",
    ("smtp", "smtp_mail_from"): "airflow@localhost",
}

# Sections in which providers have no options: asking them would cost each task 30 ms.
_NOT_PROVIDERS = {
    "api",
    "core",
    "logging",
    "operators",
    "scheduler",
    "sensors",
    "smtp",
    "webserver",
}

_TRUE = frozenset({"t", "true", "1", "yes", "on"})
_FALSE = frozenset({"f", "false", "0", "no", "off"})


class Configuration:
    """Read-only; the getters convert and say which value of which option is malformed."""

    def get(self, section: str, key: str, fallback: Any = NOTSET, **_: Any) -> Any:
        """The option's text; `fallback` when it is set nowhere, else `AirflowConfigException`."""
        if (value := self.given(section, key)) is not None:
            return value
        value = _DEFAULTS.get((section.lower(), key.lower()))
        if value is None and section.lower() not in _NOT_PROVIDERS:
            from tradewind.sdk.providers import config_defaults

            value = config_defaults().get((section.lower(), key.lower()))
        if value is not None:
            return value
        if fallback is not NOTSET:
            return fallback
        raise AirflowConfigException(
            f"section/key [{section}/{key}] not found in config. Set "
            f"{_variables(section, key)[1]} where the task runs, or pass fallback=."
        )

    def get_mandatory_value(self, section: str, key: str, **kwargs: Any) -> str:
        """As `get`, and a `fallback` of None is no value."""
        if (value := self.get(section, key, **kwargs)) is None:
            return str(self.get(section, key))  # says what is missing
        return str(value)

    def given(self, section: str, key: str) -> str | None:
        """What the environment says; None when it says nothing, whatever the default is."""
        values = (os.environ.get(variable) for variable in _variables(section, key))
        return next((value for value in values if value is not None), None)

    def getboolean(self, section: str, key: str, **kwargs: Any) -> bool:
        value = self.get(section, key, **kwargs)
        text = str(value).split("#")[0].strip().lower()
        if text in _TRUE | _FALSE:
            return text in _TRUE
        raise _malformed(section, key, value, "true or false")

    def getint(self, section: str, key: str, **kwargs: Any) -> int:
        value = self.get(section, key, **kwargs)
        try:
            return int(value)
        except (TypeError, ValueError):
            raise _malformed(section, key, value, "a whole number") from None

    def getfloat(self, section: str, key: str, **kwargs: Any) -> float:
        value = self.get(section, key, **kwargs)
        try:
            return float(value)
        except (TypeError, ValueError):
            raise _malformed(section, key, value, "a number") from None

    def getlist(self, section: str, key: str, *, delimiter: str = ",", **kwargs: Any) -> list[str]:
        value = self.get(section, key, **kwargs)
        if value is None or isinstance(value, list):
            return value or []
        return [item.strip() for item in str(value).split(delimiter)] if value else []

    def getjson(self, section: str, key: str, **kwargs: Any) -> Any:
        """What the option says as JSON; `fallback`, or None, when it is empty or not set."""
        fallback = kwargs.pop("fallback", None)
        value = self.get(section, key, fallback=None, **kwargs)
        if not value:
            return fallback
        try:
            return json.loads(value)
        except ValueError:
            raise _malformed(section, key, value, "JSON") from None

    def getimport(self, section: str, key: str, **kwargs: Any) -> Any:
        """The object that the option names as "module.name"; None when it is empty."""
        path = self.get(section, key, **kwargs)
        if not path:
            return None
        module, _, name = str(path).rpartition(".")
        try:
            return getattr(import_module(module), name)
        except (ImportError, ValueError, AttributeError):
            raise _malformed(section, key, path, "the import path of an object") from None

    def has_option(self, section: str, option: str) -> bool:
        return self.get(section, option, fallback=None) is not None


def _variables(section: str, key: str) -> tuple[str, str]:
    name = f"{section}__{key}".upper().replace("-", "_").replace(".", "_")
    return f"TRADEWIND_{name}", f"AIRFLOW__{name}"


def _malformed(section: str, key: str, value: Any, expected: str) -> AirflowConfigException:
    return AirflowConfigException(
        f"Configuration option [{section}] {key} is {value!r}, expected {expected}."
    )


conf = Configuration()


def default_deferrable() -> bool:
    """What an operator's `deferrable` is when its task does not say."""
    return conf.getboolean("operators", "default_deferrable")
