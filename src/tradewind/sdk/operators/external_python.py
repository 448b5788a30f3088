"""A Python function that runs in another interpreter: a virtual environment's, or a given one."""

from __future__ import annotations

import inspect
import os
import textwrap
import types
from collections.abc import Callable, Collection, Container, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tradewind.sdk.exceptions import AirflowException, AirflowSkipException
from tradewind.sdk.external_call import SERIALIZERS, ExternalCall
from tradewind.sdk.handed_over import ENVIRONMENT, hand_over
from tradewind.sdk.hooks.package_index import PackageIndexHook
from tradewind.sdk.hooks.subprocess import SubprocessHook
from tradewind.sdk.old_names import note_old_name
from tradewind.sdk.operators.bash import exit_codes
from tradewind.sdk.operators.branch import BaseBranchOperator
from tradewind.sdk.operators.python import PythonOperator
from tradewind.sdk.virtualenv import VirtualEnvironment

_ALWAYS_PASSED = frozenset(
    {
        *("ds", "ds_nodash", "ts", "ts_nodash", "ts_nodash_with_tz", "run_id", "partition_key"),
        *("task_instance_key_str", "test_mode", "expanded_ti_count"),
        *("next_ds", "next_ds_nodash", "prev_ds", "prev_ds_nodash", "tomorrow_ds"),
        *("tomorrow_ds_nodash", "yesterday_ds", "yesterday_ds_nodash"),
        *("data_interval_start", "data_interval_end", "logical_date", "execution_date", "params"),
        *("prev_data_interval_start_success", "prev_data_interval_end_success"),
        *("prev_start_date_success", "prev_end_date_success"),
    }
)
"""Entries of the context that a function with ``**kwargs`` gets: those that can be pickled."""

_NEVER_PASSED = frozenset({"ti", "task_instance", "conn", "var", "macros", "dag", "task"})
"""Live objects of this process."""


class _ExternalPythonOperator(PythonOperator):
    """What both kinds share: the call itself."""

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        serializer: str | None = None,
        string_args: Iterable[str] | None = None,
        expect_airflow: bool = True,
        skip_on_exit_code: int | Container[int] | None = None,
        env_vars: dict[str, str] | None = None,
        inherit_env: bool = True,
        use_dill: bool = False,
        **kwargs: Any,
    ) -> None:
        _check_function(type(self).__name__, python_callable)
        super().__init__(python_callable=python_callable, **kwargs)
        if use_dill:
            note_old_name('Instead of use_dill, write serializer="dill".')
        self.serializer = serializer or ("dill" if use_dill else "pickle")
        if self.serializer not in SERIALIZERS:
            raise AirflowException(
                f"Unsupported serializer {self.serializer!r}. Expected one of "
                f"{', '.join(map(repr, SERIALIZERS))}"
            )
        self.string_args = list(string_args or ())
        self.expect_airflow = expect_airflow
        self.skip_on_exit_code = exit_codes(skip_on_exit_code)
        self.env_vars = env_vars
        self.inherit_env = inherit_env

    @cached_property
    def subprocess_hook(self) -> SubprocessHook:
        return SubprocessHook()

    def on_kill(self) -> None:
        self.subprocess_hook.send_sigterm()

    def execute(self, context: Any) -> Any:
        named = inspect.signature(self.python_callable).parameters
        if refused := sorted(_NEVER_PASSED.intersection(named).difference(self.op_kwargs)):
            raise AirflowException(
                f"{', '.join(refused)} cannot be handed to another Python process. Pass what "
                f"{self.python_callable.__name__} needs of it as an argument, for instance a "
                "template."
            )
        wanted = _ALWAYS_PASSED.union(named)
        values = {key: context[key] for key in wanted if key in context}
        passed = {key: getattr(value, "__wrapped__", value) for key, value in values.items()}
        if "params" in passed:
            passed["params"] = dict(passed["params"])
        return super().execute(passed)

    def get_python_source(self) -> str:
        return textwrap.dedent(inspect.getsource(self.python_callable))

    def _call_with(self, python: Path) -> Any:
        """Run the function with that interpreter; its output goes into the log."""
        call = ExternalCall(
            source=self.get_python_source(),
            function=self.python_callable.__name__,
            args=self.op_args,
            kwargs=self.op_kwargs,
            string_args=self.string_args,
            serializer=self.serializer,
        )
        with TemporaryDirectory(prefix="venv-call") as folder:
            command = [os.fspath(python), *call.prepare(Path(folder))]
            code = self._run_connected(command)
            if code in self.skip_on_exit_code:
                raise AirflowSkipException(f"Process exited with code {code}. Skipping.")
            if code != 0:
                raise AirflowException(
                    f"Process returned non-zero exit status {code}."
                    + (f"\n{message}" if (message := call.error(Path(folder))) else "")
                )
            return call.result(Path(folder))

    def _run_connected(self, command: Sequence[str]) -> int:
        """With the task's channel, so that variables, connections and XComs can be read there."""
        env = self._environment()
        with hand_over() as descriptor:
            if descriptor is None:
                return self._run(command, env)
            env[ENVIRONMENT] = str(descriptor)
            hook, cwd = self.subprocess_hook, os.getcwd()
            return hook.run_command(command, env, cwd=cwd, pass_fds=[descriptor]).exit_code

    def _run(self, command: Sequence[str], env: dict[str, str]) -> int:
        return self.subprocess_hook.run_command(command, env, cwd=os.getcwd()).exit_code

    def _environment(self) -> dict[str, str]:
        """With the bundle's folder on the path, so that helper modules beside the DAG are found."""
        env = dict(os.environ) if self.inherit_env else {}
        env.update(self.env_vars or {})
        folders = [folder for folder in (env.get("PYTHONPATH"), self._bundle_root()) if folder]
        if folders:
            env["PYTHONPATH"] = os.pathsep.join(folders)
        return env

    def _bundle_root(self) -> str | None:
        file, relative = self.dag.fileloc, getattr(self.dag, "relative_fileloc", None)
        if not file or not relative or not file.endswith(relative):
            return None
        return file[: -len(relative)].rstrip(os.sep) or None


def _check_function(operator: str, function: Any) -> None:
    """Raises ValueError for what has no source of its own that could travel."""
    if not isinstance(function, types.FunctionType) or function.__name__ == "<lambda>":
        raise ValueError(f"{operator} only supports functions for python_callable arg")
    if inspect.isgeneratorfunction(function):
        raise ValueError(f"{operator} does not support using 'yield' in python_callable")


class PythonVirtualenvOperator(_ExternalPythonOperator):
    """Runs the function in a virtual environment that is made for it.

    The function imports what it uses; nothing around it is visible to it but the global
    `virtualenv_string_args`. Arguments and result are pickled.

    requirements: a list, or the text (or template file) of a requirements file.
    python_version: "3.12"; this process's if None.
    system_site_packages: what is installed for this process is there, too.
    index_urls, index_urls_from_connection_ids: package indexes instead of the configured ones.
    venv_cache_path: keep the environment in a folder below this one and share it.
    skip_on_exit_code, env_vars, inherit_env: of the process that runs the function.
    """

    template_fields: Sequence[str] = (
        "requirements",
        "index_urls",
        "index_urls_from_connection_ids",
        "venv_cache_path",
        *PythonOperator.template_fields,
    )
    template_ext: Sequence[str] = (".txt",)

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        requirements: Iterable[str] | str | None = None,
        python_version: str | None = None,
        system_site_packages: bool = True,
        pip_install_options: list[str] | None = None,
        index_urls: Collection[str] | str | None = None,
        index_urls_from_connection_ids: Collection[str] | str | None = None,
        venv_cache_path: os.PathLike[str] | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(python_callable=python_callable, **kwargs)
        if python_version is not None and not isinstance(python_version, str):
            raise AirflowException(
                f"python_version has to be a string, not {type(python_version).__name__}: write "
                f'"{python_version}"'
            )
        self.requirements = _as_list(requirements) or []
        self.python_version = python_version
        self.system_site_packages = system_site_packages
        self.pip_install_options = pip_install_options or []
        self.index_urls = _as_list(index_urls)
        self.index_urls_from_connection_ids = _as_list(index_urls_from_connection_ids)
        self.venv_cache_path = venv_cache_path

    def execute_callable(self) -> Any:
        environment = self._virtual_environment()
        if not self.venv_cache_path:
            with environment.temporary(self._run) as python:
                return self._call_with(python)
        from tradewind.sdk import Variable

        key = str(Variable.get("python_virtualenv_operator_cache_key", ""))
        python = environment.cached(Path(self.venv_cache_path), self._run, cache_key=key)
        return self._call_with(python)

    def _virtual_environment(self) -> VirtualEnvironment:
        requirements = sorted(map(str, self.requirements))
        needs_serializer = self.serializer != "pickle" and not self.system_site_packages
        if needs_serializer and self.serializer not in requirements:
            requirements.append(self.serializer)
        urls = self.index_urls
        if self.index_urls_from_connection_ids:
            hooks = map(PackageIndexHook, self.index_urls_from_connection_ids)
            urls = [*(urls or ()), *(hook.get_connection_url() for hook in hooks)]
        return VirtualEnvironment(
            requirements=requirements,
            python_version=self.python_version,
            system_site_packages=self.system_site_packages,
            pip_install_options=self.pip_install_options,
            index_urls=urls,
        )


def _as_list(value: Iterable[str] | str | None) -> list[str] | None:
    if value is None:
        return None
    return [value] if isinstance(value, str) else list(value)


class ExternalPythonOperator(_ExternalPythonOperator):
    """Runs the function with the interpreter `python`, an absolute path (templated)."""

    template_fields: Sequence[str] = ("python", *PythonOperator.template_fields)

    def __init__(self, *, python: str, expect_pendulum: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not python:
            raise ValueError("Python Path must be defined in ExternalPythonOperator")
        self.python = python

    def execute_callable(self) -> Any:
        python = Path(self.python)
        if not python.is_absolute():
            raise ValueError(f"Python Path '{python}' must be an absolute path.")
        if not python.is_file():
            raise ValueError(f"Python Path '{python}' must exist and be a file")
        return self._call_with(python)


class BranchPythonVirtualenvOperator(BaseBranchOperator, PythonVirtualenvOperator):
    """Follows the tasks or groups that the function names, in a virtual environment."""

    def choose_branch(self, context: Any) -> str | Iterable[str] | None:
        return PythonVirtualenvOperator.execute(self, context)  # type: ignore[no-any-return]


class BranchExternalPythonOperator(BaseBranchOperator, ExternalPythonOperator):
    """Follows the tasks or groups that the function names, with another interpreter."""

    def choose_branch(self, context: Any) -> str | Iterable[str] | None:
        return ExternalPythonOperator.execute(self, context)  # type: ignore[no-any-return]
