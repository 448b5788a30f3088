"""`BaseOperator`: what every operator class inherits."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, NoReturn

from tradewind.core.states import TriggerRule
from tradewind.sdk import arguments
from tradewind.sdk.authoring import current_dag, current_group, validate_key
from tradewind.sdk.context import is_running
from tradewind.sdk.exceptions import TaskDeferralError, TaskDeferralTimeout, TaskDeferred
from tradewind.sdk.old_names import note_old_name
from tradewind.sdk.operator import AbstractOperator
from tradewind.sdk.param import ParamsDict, task_params

if TYPE_CHECKING:
    from tradewind.sdk.context import Context
    from tradewind.sdk.dag import DAG
    from tradewind.sdk.mapped import OperatorPartial
    from tradewind.sdk.taskgroup import TaskGroup

TRIGGER_FAILED = "__fail__"
"""`next_method` of a task whose trigger failed or timed out; `next_kwargs["error"]` says which."""

TRIGGER_TIMEOUT = "Trigger timeout"


class Birth(NamedTuple):
    """Where an operator that is being constructed will belong."""

    dag: DAG | None
    group: TaskGroup | None
    default_args: Mapping[str, Any]
    params: Mapping[str, Any] | None
    from_mapped: bool = False


def _parameters(init: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    return {
        name: parameter
        for name, parameter in inspect.signature(init).parameters.items()
        if name != "self"
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    }


def _with_default_args(init: Callable[..., None]) -> Callable[..., None]:
    """Fill arguments that the caller left out from default_args, at each level of the class tree.

    The outermost level also finds the open DAG and group, translates older arguments, and at the
    end draws arrows from the tasks whose results its template fields use.
    """
    parameters = _parameters(init)
    required = {
        name for name, p in parameters.items() if p.default is p.empty and name != "task_id"
    }

    @functools.wraps(init)
    def construct(self: BaseOperator, *args: Any, **kwargs: Any) -> None:
        outermost = "_begun" not in self.__dict__  # the first of the classes' inits that is ours
        if outermost:
            _begin(self, args, kwargs)
        elif args:
            raise TypeError("Use keyword arguments when initializing operators")
        arguments.modernise(kwargs, lambda: accepted_arguments(type(self)))
        birth: Birth = self.__dict__["_birth"]
        for name in parameters:
            if name not in kwargs and name in birth.default_args and name != "params":
                kwargs[name] = birth.default_args[name]
        missing = sorted(required.difference(kwargs))
        if missing:
            plural = "s" if len(missing) > 1 else ""
            raise TypeError(
                f"missing keyword argument{plural} {', '.join(map(repr, missing))} "
                f"for {type(self).__name__} (task_id: {kwargs.get('task_id')})"
            )
        init(self, **kwargs)
        if outermost:
            _finish(self)

    construct.__dict__["own_parameters"] = frozenset(parameters)
    return construct


def _begin(operator: BaseOperator, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    operator.__dict__["_begun"] = True
    if args:
        if len(args) > 1 or not isinstance(args[0], str) or "task_id" in kwargs:
            raise TypeError("Use keyword arguments when initializing operators")
        kwargs["task_id"] = args[0]
        note_old_name("A positional task id: write task_id=...")
    if "_birth" not in operator.__dict__:
        dag = kwargs.get("dag") or current_dag()
        group = kwargs.get("task_group") or current_group(dag)
        if dag is None and group is not None:
            dag = group.dag
        defaults = arguments.merged_defaults(dag, group, kwargs.pop("default_args", None))
        operator.__dict__["_birth"] = Birth(dag, group, defaults, kwargs.pop("params", None))
    hook = getattr(operator, "_before_init", None)
    if hook is not None:
        hook(kwargs)


def _finish(operator: BaseOperator) -> None:
    birth: Birth = operator.__dict__.pop("_birth")
    operator.__dict__["_constructed"] = True
    if not birth.from_mapped:
        fields = operator.template_fields
        operator._draw_arrows_from(getattr(operator, field, None) for field in fields)


def accepted_arguments(operator_class: type[BaseOperator]) -> frozenset[str]:
    """Names of all arguments that the class or one of its bases takes."""
    names: set[str] = set()
    for cls in operator_class.__mro__:
        init = cls.__dict__.get("__init__")
        if inspect.isfunction(init):
            names |= getattr(init, "own_parameters", None) or set(_parameters(init))
    return frozenset(names)


class _Partial:
    """`Operator.partial(...)`: a class method that instances refuse."""

    def __get__(
        self, obj: BaseOperator | None, owner: type[BaseOperator]
    ) -> Callable[..., OperatorPartial]:
        if obj is not None:
            raise TypeError("partial can only be called on Operator classes, not Tasks themselves")
        from tradewind.sdk.mapped import partial

        return functools.partial(partial, owner)


class BaseOperator(AbstractOperator):
    """Base of all operators: derive, take your arguments in `__init__`, work in `execute`.

    Arguments are keywords (a positional task id of old files is accepted). What the caller leaves
    out is taken from `default_args` of the task, its groups and its DAG. The arguments are
    Airflow's; `arguments.DEFAULTS` lists them with their defaults.
    """

    template_fields: Sequence[str] = ()
    template_ext: Sequence[str] = ()
    template_fields_renderers: ClassVar[Mapping[str, str]] = {}
    operator_extra_links: Collection[Any] = ()
    ui_color: str = "#fff"
    ui_fgcolor: str = "#000"
    shallow_copy_attrs: Sequence[str] = ()
    start_trigger_args: Any = None
    start_from_trigger: bool = False
    is_sensor: ClassVar[bool] = False
    inherits_from_empty_operator: ClassVar[bool] = False

    partial: ClassVar[Any] = _Partial()

    task_display_name: str
    owner: str
    retries: int
    retry_delay: timedelta
    retry_exponential_backoff: float
    max_retry_delay: timedelta | None
    retry_policy: Any
    start_date: datetime | None
    end_date: datetime | None
    execution_timeout: timedelta | None
    pool: str
    pool_slots: int
    priority_weight: int
    executor_config: dict[str, Any]
    do_xcom_push: bool
    multiple_outputs: bool
    map_index_template: str | None
    inlets: list[Any]
    outlets: list[Any]
    on_execute_callback: list[Any]
    on_failure_callback: list[Any]
    on_success_callback: list[Any]
    on_retry_callback: list[Any]
    on_skipped_callback: list[Any]
    params: ParamsDict
    own_params: frozenset[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in cls.__dict__:
            cls.__init__ = _with_default_args(cls.__dict__["__init__"])  # type: ignore[method-assign]

    @_with_default_args
    def __init__(
        self,
        *,
        task_id: str,
        owner: str = "airflow",
        email: str | Sequence[str] | None = None,
        email_on_retry: bool = True,
        email_on_failure: bool = True,
        retries: int | None = 0,
        retry_delay: timedelta | float = timedelta(seconds=300),
        retry_exponential_backoff: float = 0,
        max_retry_delay: timedelta | float | None = None,
        retry_policy: Any = None,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        depends_on_past: bool = False,
        ignore_first_depends_on_past: bool = False,
        wait_for_past_depends_before_skipping: bool = False,
        wait_for_downstream: bool = False,
        dag: DAG | None = None,
        params: Mapping[str, Any] | None = None,
        default_args: Mapping[str, Any] | None = None,
        priority_weight: int = 1,
        weight_rule: Any = "downstream",
        queue: str = "default",
        pool: str | None = None,
        pool_slots: int = 1,
        execution_timeout: timedelta | None = None,
        on_execute_callback: Any = None,
        on_failure_callback: Any = None,
        on_success_callback: Any = None,
        on_retry_callback: Any = None,
        on_skipped_callback: Any = None,
        pre_execute: Callable[[Context], None] | None = None,
        post_execute: Callable[[Context, Any], None] | None = None,
        trigger_rule: str = TriggerRule.ALL_SUCCESS,
        resources: Mapping[str, Any] | None = None,
        run_as_user: str | None = None,
        map_index_template: str | None = None,
        max_active_tis_per_dag: int | None = None,
        max_active_tis_per_dagrun: int | None = None,
        executor: str | None = None,
        executor_config: dict[str, Any] | None = None,
        do_xcom_push: bool = True,
        multiple_outputs: bool = False,
        inlets: Any = None,
        outlets: Any = None,
        task_group: TaskGroup | None = None,
        doc: str | None = None,
        doc_md: str | None = None,
        doc_json: str | None = None,
        doc_yaml: str | None = None,
        doc_rst: str | None = None,
        task_display_name: str | None = None,
        logger_name: str | None = None,
        allow_nested_operators: bool = True,
        render_template_as_native_obj: bool | None = None,
        **kwargs: Any,
    ) -> None:
        given = locals()
        if kwargs:
            raise TypeError(
                f"Invalid arguments were passed to {type(self).__name__} (task_id: {task_id}). "
                f"Invalid arguments were:\n**kwargs: {kwargs}"
            )
        super().__init__()
        birth: Birth = self.__dict__["_birth"]
        self.task_group = task_group or birth.group
        prefixed = task_id
        if self.task_group is not None and not birth.from_mapped:
            prefixed = self.task_group.child_id(validate_key(task_id))
        self.task_id = validate_key(prefixed)
        values = {name: given[name] for name in arguments.DEFAULTS}
        arguments.check_types({**values, "retries": None, "email": None, "start_date": None})
        self._pre_execute_hook = values.pop("pre_execute")
        self._post_execute_hook = values.pop("post_execute")
        self._logger_name = values.pop("logger_name")
        values["task_display_name"] = values["task_display_name"] or self.task_id
        for name, value in values.items():
            setattr(self, name, value)
        if wait_for_downstream:
            self.depends_on_past = True
        levels = (birth.default_args.get("params"), birth.params, params)
        self.params, self.own_params = task_params(birth.dag, *levels)
        self._join(dag or birth.dag, birth)

    def _join(self, dag: DAG | None, birth: Birth) -> None:
        if birth.from_mapped:
            self._dag = dag  # the mapped operator stands in the DAG in its place
            return
        if self.task_group is not None:
            self.task_group.add(self)
        if dag is not None:
            dag.add_task(self)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, arguments.convert(name, value))
        if (
            "_constructed" in self.__dict__
            and name in self.template_fields
            and self._dag is not None
            and not is_running()  # values may be anything then, cyclic ones included
        ):
            self._draw_arrows_from([value])

    def __repr__(self) -> str:
        return f"<Task({self.task_type}): {self.__dict__.get('task_id')}>"

    @property
    def task_type(self) -> str:
        return type(self).__name__

    @property
    def operator_class(self) -> type[BaseOperator]:
        return type(self)

    @property
    def operator_name(self) -> str:
        return str(getattr(self, "custom_operator_name", None) or self.task_type)

    @property
    def is_async(self) -> bool:
        """Whether the work is a coroutine."""
        return False

    # --- at run time ------------------------------------------------------------------------------

    def pre_execute(self, context: Any) -> None:
        """Called right before `execute`, after the callable given as `pre_execute=`."""

    def execute(self, context: Context) -> Any:
        """Do the work; the result is pushed as XCom `return_value`. Override this."""
        raise TypeError(
            f"{self.task_type} does not define execute(), so {self.task_id!r} cannot run"
        )

    def post_execute(self, context: Any, result: Any = None) -> None:
        """Called right after `execute` succeeded."""

    def on_kill(self) -> None:
        """Override to stop what the task started outside of its process."""

    def defer(
        self,
        *,
        trigger: Any,
        method_name: str,
        kwargs: dict[str, Any] | None = None,
        timeout: timedelta | float | None = None,
    ) -> NoReturn:
        """Free the slot until `trigger` fires, then go on at `method_name`.

        It is called with the context, `event=` what the trigger gave, and `kwargs`.
        """
        raise TaskDeferred(trigger=trigger, method_name=method_name, kwargs=kwargs, timeout=timeout)

    def resume_execution(
        self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context
    ) -> Any:
        """What the runner calls instead of `execute` when the trigger has fired.

        Raises TaskDeferralTimeout or TaskDeferralError when it did not.
        """
        kwargs = next_kwargs or {}
        if next_method == TRIGGER_FAILED:
            error = kwargs.get("error", "Unknown")
            if kwargs.get("traceback"):
                self.log.error("Trigger failed:\n%s", "\n".join(kwargs["traceback"]))
            if error == TRIGGER_TIMEOUT:
                raise TaskDeferralTimeout(error)
            raise TaskDeferralError(error)
        return getattr(self, next_method)(context, **kwargs)

    @staticmethod
    def xcom_push(context: Context, key: str, value: Any) -> None:
        """Airflow 1 and 2's spelling of `context["ti"].xcom_push`."""
        context["ti"].xcom_push(key=key, value=value)

    @staticmethod
    def xcom_pull(
        context: Context, task_ids: Any = None, dag_id: str | None = None, **kwargs: Any
    ) -> Any:
        """Airflow 1 and 2's spelling of `context["ti"].xcom_pull`."""
        return context["ti"].xcom_pull(task_ids=task_ids, dag_id=dag_id, **kwargs)
