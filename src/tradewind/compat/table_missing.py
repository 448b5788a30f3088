"""The table, part 3: what Tradewind lacks, why, and what to do instead."""

import re

_KUBERNETES = (
    "Kubernetes operators are planned; they are not part of this version. Until then, run the task"
    " with @task, BashOperator or PythonOperator."
)
_CONTROL_PLANE = (
    "It is part of Airflow's own machinery (scheduler, web server, executors), which Tradewind"
    " replaces. DAG files do not need it."
)
_LISTENERS = "Listeners are not part of this version; use callbacks of the DAG or task."
_METRICS = "Tradewind measures by itself; DAG files cannot add metrics."
_LOGS = (
    "Tradewind writes the logs of tasks itself, where TRADEWIND_STORAGE__URL says; log handlers of"
    " provider packages are not used."
)
_SECRETS = (
    "Secrets backends are not part of this version. Set AIRFLOW_VAR_<NAME> and AIRFLOW_CONN_<ID>"
    " in the environment, or use `tradewind variables` and `tradewind connections`."
)

PREFIX = "apache-airflow-providers-"
"""What the names of Apache Airflow's provider packages begin with."""

PROVIDER = (
    "It is in the provider package {package}, which is not installed here. `tradewind providers"
    " install {name}` installs it, without Apache Airflow."
)

_PLUGIN = (
    "If a plugin of yours (AirflowPlugin) registers it: that ended with Airflow 2. Put the module"
    " that defines it into the DAG folder and import it from there."
)

MISSING: dict[str, str] = {
    "airflow.kubernetes": _KUBERNETES,
    "airflow.contrib.kubernetes": _KUBERNETES,
    "airflow.contrib.operators.kubernetes_pod_operator": _KUBERNETES,
    "airflow.providers.cncf.kubernetes": _KUBERNETES,
    "airflow.sdk.definitions.decorators.kubernetes": _KUBERNETES,
    "airflow.api": (
        "Airflow's internal API is not there. To start another DAG use TriggerDagRunOperator; from"
        " outside, `tradewind dags trigger`."
    ),
    "airflow.api_connexion": _CONTROL_PLANE,
    "airflow.api_fastapi": _CONTROL_PLANE,
    "airflow.auth": _CONTROL_PLANE,
    "airflow.bin": _CONTROL_PLANE,
    "airflow.cli": _CONTROL_PLANE,
    "airflow.dag_processing": _CONTROL_PLANE,
    "airflow.executors": (
        "Executors are part of Tradewind itself; choose one with executor= on the task or in the"
        " settings."
    ),
    "airflow.jobs": _CONTROL_PLANE,
    "airflow.lineage": "Give inlets= and outlets= to the task; there is no lineage backend.",
    "airflow.listeners.listener": _LISTENERS,
    "airflow.logging_config": _LOGS,
    "airflow.models.expandinput": _CONTROL_PLANE,
    "airflow.observability": _METRICS,
    "airflow.sdk._shared.listeners": _LISTENERS,
    "airflow.sdk.execution_time.coordinator": _CONTROL_PLANE,
    "airflow.sdk.execution_time.supervisor": _CONTROL_PLANE,
    "airflow.sdk.listener": _LISTENERS,
    "airflow.sdk.observability": _METRICS,
    "airflow.sdk.state": (
        "Backends for task state are not part of this version; Tradewind keeps it in its database."
    ),
    "airflow.secrets": _SECRETS,
    "airflow.sensors.smart_sensor": (
        'Smart sensors are gone since Airflow 2.4; use deferrable=True or mode="reschedule".'
    ),
    "airflow.sentry": "There is no Sentry integration; use callbacks of the DAG or task.",
    "airflow.serialization": _CONTROL_PLANE,
    "airflow.settings": _CONTROL_PLANE,
    "airflow.ti_deps": _CONTROL_PLANE,
    "airflow.traces": "Tradewind measures by itself; DAG files cannot add traces.",
    "airflow.triggers.shared_stream": (
        "Streams that several triggers share are not part of this version."
    ),
    "airflow.utils.cli": _CONTROL_PLANE,
    "airflow.utils.json": (
        "It is used by XCom backends, which are not part of this version. Write large data to an"
        " ObjectStoragePath and return the path."
    ),
    "airflow.utils.log.json_formatter": _LOGS,
    "airflow.utils.providers_configuration_loader": _CONTROL_PLANE,
    "airflow.utils.serve_logs": _LOGS,
    "airflow.www": _CONTROL_PLANE,
}
"""Airflow module or name, which stands for all below it → advice."""

FAMILIES = frozenset({"apache", "atlassian", "cncf", "common", "dbt", "microsoft"})
"""Packages below airflow.providers that hold several providers, as airflow.providers.apache."""

# Providers whose names say little in the module names of Airflow 1 and 2 (contrib.hooks.aws_hook).
_OLD_NAMES = {
    "amazon": "aws s3 emr ecs glue redshift athena sagemaker sqs sns dynamodb kinesis awsbatch",
    "google": "gcp gcs google bigquery dataproc dataflow pubsub bigtable spanner mlengine",
    "microsoft-azure": "azure wasb adls adl cosmos",
    "microsoft-mssql": "mssql",
    "common-sql": "sql check generic dbapi",
    "apache-hdfs": "hdfs webhdfs",
    "apache-hive": "hive",
    "apache-spark": "spark",
    "apache-druid": "druid",
    "apache-pig": "pig",
    "apache-sqoop": "sqoop",
    "atlassian-jira": "jira",
}
_SAME_NAMES = (
    "docker http postgres mysql oracle sqlite jdbc odbc slack ssh sftp ftp imap snowflake"
    " databricks mongo redis neo4j elasticsearch jenkins salesforce samba vertica winrm zendesk"
    " opsgenie pagerduty qubole segment sendgrid grpc cloudant datadog dingding discord papermill"
    " presto singularity telegram trino"
)
_PROVIDER_BY_WORD = {
    **{word: provider for provider, words in _OLD_NAMES.items() for word in words.split()},
    **{name: name for name in _SAME_NAMES.split()},
}


def explain(fullname: str) -> str | None:
    """What to do about a module or name that is not there, in sentences; None if it is unknown."""
    if (advice := _refusal(fullname)) is not None:
        return advice
    package = provider_of(fullname)
    if package is None and _may_be_a_plugins(fullname):
        return _PLUGIN
    return PROVIDER.format(package=package, name=short_name(package)) if package else None


def _may_be_a_plugins(fullname: str) -> bool:
    """Airflow 1 put what plugins register into these packages."""
    package, _, _ = fullname.rpartition(".")
    return package in {f"airflow.{kind}" for kind in ("operators", "sensors", "hooks", "macros")}


def _refusal(fullname: str) -> str | None:
    parts = fullname.split(".")
    names = (".".join(parts[:end]) for end in range(len(parts), 1, -1))
    return next((MISSING[name] for name in names if name in MISSING), None)


def short_name(package: str) -> str:
    """As `tradewind providers install` takes it."""
    return package.removeprefix(PREFIX)


def provider_of(fullname: str) -> str | None:
    """The provider distribution that has a module or name, or had taken it over from the core."""
    if _refusal(fullname) is not None:
        return None
    parts = fullname.split(".")
    if parts[1] == "providers" and len(parts) > 2:
        size = 2 if parts[2] in FAMILIES else 1
        name = "-".join(parts[2 : 2 + size]).replace("_", "-")
        # A name that a provider of ours lacks is not in another distribution either.
        return None if name == "standard" else f"{PREFIX}{name}"
    kinds = parts[1:3] if parts[1] == "contrib" else parts[1:2]
    module = parts[len(kinds) + 1 :]
    if not module or kinds[-1] not in {"operators", "hooks", "sensors"}:
        return None
    if module[0][0].isupper() and "_" not in module[0]:
        return None  # a class, whose provider the table would know
    for word in re.split(r"_|(?<=[a-z])(?=[A-Z])", module[0]):
        if (provider := _PROVIDER_BY_WORD.get(word.lower())) is not None:
            return f"{PREFIX}{provider}"
    return None
