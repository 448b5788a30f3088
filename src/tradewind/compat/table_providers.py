"""The table, part 4: names that only provider packages import. Reads as `table_current`."""

_SDK = "tradewind.sdk"
_MODULES = "tradewind.compat.helpers: import_string iter_namespace qualname is_valid_dotpath"

PROVIDERS: dict[str, str] = {
    "airflow.sdk._shared.module_loading": _MODULES,
    "airflow.sdk.bases.secrets_backend": "tradewind.compat.secrets: BaseSecretsBackend",
    "airflow.sdk.definitions._internal.types": "tradewind.sdk.authoring: is_arg_set",
    "airflow.sdk.execution_time.context": (
        "tradewind.sdk.task_environment: AIRFLOW_VAR_NAME_FORMAT_MAPPING DEFAULT_FORMAT_PREFIX"
        " ENV_VAR_FORMAT_PREFIX"
    ),
    "airflow.sdk.execution_time.secrets_masker": "tradewind.sdk.masking: redact",
    "airflow.sdk.execution_time.task_runner": "tradewind.compat.context: RuntimeTaskInstance",
    "airflow.sdk.lineage": (
        "tradewind.sdk.lineage: AssetLineageInfo ExtraLineageInfo HookLineageReader"
    ),
    "airflow.sdk.log": "tradewind.sdk.masking: redact",
    "airflow.sdk.plugins_manager": "tradewind.compat.plugins: AirflowPlugin",
    "airflow.sdk.providers_manager_runtime": (
        "tradewind.compat.providers: ProvidersManagerTaskRuntime=ProvidersManager"
    ),
    "airflow.sdk.types": "tradewind.compat.context: RuntimeTaskInstanceProtocol",
    # --- the core ---------------------------------------------------------------------------
    "airflow.api_fastapi.auth.managers.models.resource_details": (
        "tradewind.compat.permissions: AssetAliasDetails AssetDetails"
    ),
    "airflow.models.asset": "tradewind.compat.database: expand_alias_to_assets",
    "airflow.models.taskinstance": (
        "tradewind.compat.context: TaskInstanceKey; tradewind.compat.database: clear_task_instances"
    ),
    "airflow.secrets": "tradewind.compat.secrets: BaseSecretsBackend",
    "airflow.secrets.base_secrets": "tradewind.compat.secrets: BaseSecretsBackend",
    "airflow.settings": "tradewind.compat.settings: pod_mutation_hook",
    "airflow.security.kerberos": "tradewind.compat.kerberos: renew_from_kt get_kerberos_principal",
    "airflow.security.utils": (
        "tradewind.compat.kerberos: get_components replace_hostname_pattern"
        " principal_from_username; tradewind.compat.machine: get_fqdn=getfqdn"
    ),
    "airflow.utils.context": "tradewind.compat.context: AirflowContextDeprecationWarning",
    "airflow.utils.deprecation_tools": (
        "tradewind.compat.deprecation: DeprecatedImportWarning add_deprecated_classes"
    ),
    "airflow.utils.email": "tradewind.compat.email: build_mime_message get_email_address_list",
    "airflow.utils.hashlib_wrapper": "tradewind.compat.machine: md5",
    "airflow.utils.log.file_task_handler": "tradewind.compat.log_handler: FileTaskHandler",
    "airflow.utils.log.logging_mixin": "tradewind.compat.log_handler: remove_escape_codes",
    "airflow.utils.log.secrets_masker": (
        "tradewind.sdk.masking: redact; typing: Redactable=Any Redacted=Any"
    ),
    "airflow.utils.net": "tradewind.compat.machine: get_host_ip_address get_hostname getfqdn",
    "airflow.utils.platform": "tradewind.compat.machine: getuser",
    "airflow.utils.process_utils": "tradewind.compat.machine: patch_environ",
    "airflow.utils.yaml": "yaml: dump=safe_dump *",
    # --- the standard provider ----------------------------------------------------------------
    "airflow.providers.standard.utils.python_virtualenv": (
        "tradewind.compat.script: prepare_virtualenv write_python_script"
    ),
}
"""Airflow module → its names."""
