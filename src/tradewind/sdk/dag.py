"""`DAG` and the `@dag` decorator."""

from __future__ import annotations

import copy
import functools
import inspect
import os
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tradewind.core.states import DagRunType, TriggerRule
from tradewind.sdk import authoring, dates, legacy_dag
from tradewind.sdk.arguments import note_old_defaults
from tradewind.sdk.authoring import NOTSET, read_if_markdown_file, validate_key
from tradewind.sdk.exceptions import (
    AirflowException,
    DuplicateTaskIdFound,
    FailFastDagInvalidTriggerRule,
    ParamValidationError,
    TaskNotFound,
)
from tradewind.sdk.param import DagParam, Param, ParamsDict
from tradewind.sdk.setup_teardown import note_new_task
from tradewind.sdk.taskgroup import TaskGroup
from tradewind.sdk.timetables import create_timetable

if TYPE_CHECKING:
    from types import FrameType
    from typing import Self

    import jinja2

    from tradewind.sdk.operator import AbstractOperator

MAX_TAG_LENGTH = 100


class DAG:
    """Tasks, the arrows between them, and when they run.

    Arguments are Airflow 3's. Those of Airflow 1 and 2 are accepted and noted in `warnings`, which
    names the modern form; `schedule_interval` brings the old semantics with it: a run covers a data
    interval, and `catchup` is on unless switched off.
    """

    def __init__(
        self,
        dag_id: str,
        description: str | None = None,
        *legacy_positional: Any,
        schedule: Any = NOTSET,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        template_searchpath: str | Iterable[str] | None = None,
        template_undefined: type[jinja2.Undefined] | None = None,
        user_defined_macros: Mapping[str, Any] | None = None,
        user_defined_filters: Mapping[str, Any] | None = None,
        default_args: Mapping[str, Any] | None = None,
        max_active_tasks: int | None = None,
        max_active_runs: int | None = None,
        max_consecutive_failed_dag_runs: int | None = None,
        dagrun_timeout: timedelta | None = None,
        deadline: Any = None,
        catchup: bool | None = None,
        on_success_callback: Any = None,
        on_failure_callback: Any = None,
        doc_md: str | None = None,
        params: Mapping[str, Any] | None = None,
        access_control: Mapping[str, Any] | None = None,
        is_paused_upon_creation: bool | None = None,
        jinja_environment_kwargs: Mapping[str, Any] | None = None,
        render_template_as_native_obj: bool = False,
        tags: Collection[str] | None = None,
        owner_links: Mapping[str, str] | None = None,
        auto_register: bool = True,
        fail_fast: bool = False,
        allowed_run_types: Any = None,
        dag_display_name: str | None = None,
        disable_bundle_versioning: bool = False,
        rerun_with_latest_version: bool | None = None,
        **legacy: Any,
    ) -> None:
        old = legacy_dag.translate(
            {
                "schedule": schedule,
                "max_active_tasks": max_active_tasks,
                "fail_fast": fail_fast,
                "start_date": start_date,
                "catchup": catchup,
            },
            legacy_positional,
            legacy,
        )
        self.dag_id = validate_key(dag_id, "dag_id")
        self.warnings: list[str] = []
        self.description = description
        self.default_args = _default_args(default_args)
        note_old_defaults(self.default_args)
        self._set_dates(old.values["start_date"], end_date)
        self.schedule_is_given = old.values["schedule"] is not NOTSET
        self.schedule = old.values["schedule"] if self.schedule_is_given else None
        self.timetable = create_timetable(self.schedule, self.timezone, intervals=old.intervals)
        catchup = old.values["catchup"]
        self.catchup = bool(catchup) or (
            catchup is None and old.intervals and self.start_date is not None
        )
        self.template_searchpath = (
            [template_searchpath]
            if isinstance(template_searchpath, str)
            else list(template_searchpath or [])
        )
        self.template_undefined = template_undefined
        self.user_defined_macros = user_defined_macros
        self.user_defined_filters = user_defined_filters
        self.jinja_environment_kwargs = jinja_environment_kwargs
        self.render_template_as_native_obj = bool(render_template_as_native_obj)
        self._set_limits(
            old.values["max_active_tasks"], max_active_runs, max_consecutive_failed_dag_runs
        )
        if dagrun_timeout is not None and not isinstance(dagrun_timeout, timedelta):
            raise TypeError(f"dagrun_timeout of DAG {dag_id!r} has to be a timedelta")
        self.dagrun_timeout = dagrun_timeout
        self.deadline = _as_list(deadline)
        self.on_success_callback = _as_list(on_success_callback)
        self.on_failure_callback = _as_list(on_failure_callback)
        self.doc_md = read_if_markdown_file(doc_md)
        self.params = ParamsDict(params)
        self.params.update(self.default_args.pop("params", None) or {})
        self.access_control = access_control
        self.is_paused_upon_creation = is_paused_upon_creation
        self.tags = _tags(tags)
        self.owner_links = dict(owner_links or {})
        self.auto_register = bool(auto_register)
        self.fail_fast = bool(old.values["fail_fast"])
        self.allowed_run_types = _run_types(allowed_run_types)
        self.dag_display_name = dag_display_name or dag_id
        self.disable_bundle_versioning = disable_bundle_versioning
        self.rerun_with_latest_version = rerun_with_latest_version
        self.fileloc = _caller_file()
        self.edge_info: dict[str, dict[str, dict[str, Any]]] = {}
        self.task_dict: dict[str, AbstractOperator] = {}
        self.used_group_ids: set[str] = set()
        self.id_suffixes: dict[str, int] = {}
        """By task id: the highest number that calling a @task function again has given."""
        self.task_group = TaskGroup(dag=self)
        self._check()
        authoring.note_made(self)

    # --- construction -----------------------------------------------------------------------------

    def _set_dates(self, start_date: datetime | None, end_date: datetime | None) -> None:
        start_date = start_date or self.default_args.get("start_date")
        self.timezone = start_date.tzinfo if isinstance(start_date, datetime) else None
        self.start_date = dates.as_utc(start_date, "start_date")
        self.end_date = dates.as_utc(end_date, "end_date")

    def _set_limits(self, tasks: int | None, runs: int | None, failed: int | None) -> None:
        limit = self.timetable.active_runs_limit
        if limit is not None and runs is not None and runs > limit:
            raise ValueError(
                f"Invalid max_active_runs: {type(self.timetable).__name__} "
                f"requires max_active_runs <= {limit}"
            )
        self.max_active_tasks = 16 if tasks is None else tasks
        self.max_active_runs = runs if runs is not None else limit or 16
        self.max_consecutive_failed_dag_runs = failed or 0
        for name in ("max_active_tasks", "max_active_runs", "max_consecutive_failed_dag_runs"):
            if not isinstance(getattr(self, name), int):
                raise TypeError(f"{name} of DAG {self.dag_id!r} has to be an int")

    def _check(self) -> None:
        can_be_scheduled = self.timetable.can_be_scheduled
        if can_be_scheduled and self.catchup and self.start_date is None:
            raise ValueError(f"start_date is required when catchup=True (DAG {self.dag_id!r})")
        if can_be_scheduled and self.params:
            try:
                self.params.validate()
            except ParamValidationError as error:
                raise ValueError(
                    f"Dag {self.dag_id!r} is not allowed to define a Schedule, as there are "
                    "required params without default values, or the default values are not valid."
                ) from error
        self._check_run_types()

    def _check_run_types(self) -> None:
        if not self.allowed_run_types:
            return
        needed = self.timetable.run_type
        if needed not in self.allowed_run_types:
            raise ValueError(
                f"allowed_run_types must include {needed.name} for the schedule of "
                f"DAG {self.dag_id!r}"
            )

    def __enter__(self) -> Self:
        authoring.push_dag(self)
        return self

    def __exit__(self, *error: object) -> None:
        authoring.pop_dag()

    def _bounded(self, task: AbstractOperator) -> None:
        """A task runs within its own dates and the DAG's."""
        starts = [at for at in (task.start_date, self.start_date) if at is not None]
        ends = [at for at in (task.end_date, self.end_date) if at is not None]
        task.start_date = max(starts, default=None)
        task.end_date = min(ends, default=None)

    def add_task(self, task: AbstractOperator) -> None:
        """Take a task in. Raises DuplicateTaskIdFound when its id is taken by another one."""
        if task.get_dag() is not None and task.get_dag() is not self:
            raise AirflowException(f"Task {task} is in DAG {task.dag_id!r} already")
        known = self.task_dict.get(task.task_id)
        if known is task:
            return
        if known is not None or task.task_id in self.used_group_ids:
            raise DuplicateTaskIdFound(
                f"Task id '{task.task_id}' has already been added to the DAG"
            )
        if self.fail_fast and not task.is_teardown and not _allowed_when_failing_fast(task):
            raise FailFastDagInvalidTriggerRule(
                f"A 'fail_fast' DAG can only have all_success as trigger rule; task "
                f"{task.task_id!r} has {task.trigger_rule}"
            )
        task._dag = self
        self._bounded(task)
        self.task_dict[task.task_id] = task
        if task.task_group is None:
            self.task_group.add(task)
        note_new_task(task)

    def add_tasks(self, tasks: Iterable[AbstractOperator]) -> None:
        for task in tasks:
            self.add_task(task)

    def set_dependency(self, upstream_task_id: str, downstream_task_id: str) -> None:
        self.get_task(upstream_task_id).set_downstream(self.get_task(downstream_task_id))

    def set_edge_info(self, upstream_id: str, downstream_id: str, info: dict[str, Any]) -> None:
        self.edge_info.setdefault(upstream_id, {})[downstream_id] = info

    def get_edge_info(self, upstream_id: str, downstream_id: str) -> dict[str, Any]:
        return self.edge_info.get(upstream_id, {}).get(downstream_id, {})

    def warn(self, note: str) -> None:
        """Keep a note for people about something that has a better form."""
        if note not in self.warnings:
            self.warnings.append(note)

    def add_result(self, value: Any) -> Any:
        """Make a task's return value the result of the whole run."""
        operator = getattr(value, "operator", None)
        if operator is None or getattr(value, "key", "return_value") != "return_value":
            raise ValueError(f"A run's result has to be a task's return value, not {value!r}")
        operator.returns_dag_result = True
        return value

    # --- questions --------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"<DAG: {self.dag_id}>"

    def __lt__(self, other: DAG) -> bool:
        return self.dag_id < other.dag_id

    @property
    def tasks(self) -> list[AbstractOperator]:
        return list(self.task_dict.values())

    @property
    def task_ids(self) -> list[str]:
        return list(self.task_dict)

    def has_task(self, task_id: str) -> bool:
        return task_id in self.task_dict

    def get_task(self, task_id: str) -> AbstractOperator:
        try:
            return self.task_dict[task_id]
        except KeyError:
            raise TaskNotFound(f"Task {task_id} not found in DAG {self.dag_id!r}") from None

    @property
    def roots(self) -> list[AbstractOperator]:
        return [task for task in self.tasks if not task.upstream_task_ids]

    @property
    def leaves(self) -> list[AbstractOperator]:
        return [task for task in self.tasks if not task.downstream_task_ids]

    @property
    def teardowns(self) -> list[AbstractOperator]:
        return [task for task in self.tasks if task.is_teardown]

    @property
    def schedule_interval(self) -> Any:
        """Airflow 1 and 2's name of `schedule`, which factories of sub-DAGs read."""
        return self.schedule

    @property
    def owner(self) -> str:
        return ", ".join(sorted({task.owner for task in self.tasks}))

    @property
    def folder(self) -> str:
        return os.path.dirname(self.fileloc)

    @property
    def task(self) -> Any:
        """`@dag.task`: like `@task`, for this DAG."""
        from tradewind.sdk.decorators import task

        return functools.partial(task, dag=self)

    def param(self, name: str, default: Any = NOTSET) -> DagParam:
        """A reference to a param, for use in arguments of tasks."""
        return DagParam(self, name, default)

    # --- templates --------------------------------------------------------------------------------

    def resolve_template_files(self) -> None:
        for task in self.tasks:
            task.resolve_template_files()

    def get_template_env(
        self, *, force_sandboxed: bool = False, native: bool | None = None
    ) -> jinja2.Environment:
        """The Jinja environment for its tasks. `native` None: as the DAG says."""
        from tradewind.sdk.templater import create_template_env

        use_native = self.render_template_as_native_obj if native is None else native
        return create_template_env(
            native=use_native and not force_sandboxed,
            searchpath=[self.folder, *self.template_searchpath],
            template_undefined=self.template_undefined,
            jinja_environment_kwargs=self.jinja_environment_kwargs,
            user_defined_macros=self.user_defined_macros,
            user_defined_filters=self.user_defined_filters,
        )

    # --- on a developer's machine -----------------------------------------------------------------

    def test(
        self,
        logical_date: datetime | None = None,
        run_conf: Mapping[str, Any] | None = None,
        **ignored: Any,
    ) -> None:
        """Run the DAG once in this terminal, as `tradewind dags test` does.

        Raises SystemExit with that command's exit code when the run did not succeed.
        """
        import json
        import subprocess

        command = [sys.executable, "-m", "tradewind", "dags", "test", self.dag_id]
        command += ["--dagfile-path", self.fileloc]
        if logical_date is not None:
            command += ["--logical-date", logical_date.isoformat()]
        if run_conf:
            command += ["--conf", json.dumps(run_conf)]
        code = subprocess.run(command, check=False).returncode
        if code:
            raise SystemExit(code)


def _default_args(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """A copy; dates given as text (Airflow 1 and 2 took that here) are parsed."""
    if given is not None and not isinstance(given, Mapping):
        raise TypeError(f"default_args must be a mapping, got {type(given)}")
    args = copy.copy(dict(given or {}))
    for name in ("start_date", "end_date"):
        if isinstance(args.get(name), str):
            args[name] = datetime.fromisoformat(args[name])
    return args


def _as_list(value: Any) -> list[Any]:
    if not value:
        return []
    return list(value) if isinstance(value, (list, tuple, set)) else [value]


def _tags(tags: Collection[str] | None) -> set[str]:
    for tag in tags or ():
        if len(tag) > MAX_TAG_LENGTH:
            raise ValueError(f"tag cannot be longer than {MAX_TAG_LENGTH} characters: {tag!r}")
    return set(tags or ())


def _run_types(given: Any) -> frozenset[DagRunType] | None:
    if given is None:
        return None
    return frozenset(DagRunType(kind) for kind in ([given] if isinstance(given, str) else given))


def _allowed_when_failing_fast(task: AbstractOperator) -> bool:
    return task.trigger_rule in (TriggerRule.ALL_SUCCESS, TriggerRule.ALL_DONE_SETUP_SUCCESS)


def _caller_file() -> str:
    """The file that made the DAG: the first frame outside of this module."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return frame.f_code.co_filename if frame is not None else ""


def dag(dag_id: Any = "", **dag_kwargs: Any) -> Any:
    """Make a function a DAG factory: calling it builds the DAG; its arguments become params."""

    def decorate(function: Callable[..., Any]) -> Callable[..., DAG]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def factory(*args: Any, **kwargs: Any) -> DAG:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            made = DAG(name or function.__name__, **dag_kwargs)
            made.fileloc = function.__code__.co_filename
            with made:
                if function.__doc__ and not made.doc_md:
                    made.doc_md = function.__doc__
                stand_ins = {key: _dag_param(made, key, v) for key, v in bound.arguments.items()}
                made_of = function(**stand_ins)
                if getattr(made_of, "operator", None) is not None:
                    made.add_result(made_of)
            return made

        return factory

    if callable(dag_id):
        name = ""
        return decorate(dag_id)
    name = dag_id
    return decorate


def _dag_param(made: DAG, name: str, value: Any) -> DagParam:
    if isinstance(value, Param):
        made.params[name] = value
        return made.param(name)
    return made.param(name, value)


__all__ = ["DAG", "dag"]
