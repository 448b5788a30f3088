"""What all @task flavours share: the operator mixin and the object that a decorator makes.

A flavour is an operator class and a function, in `sdk/decorators/<flavour>.py`::

    class _ShoutOperator(DecoratedOperator, SomeOperator):
        custom_operator_name = "@task.shout"

    def shout_task(python_callable=None, multiple_outputs=None, **kwargs):
        return task_decorator_factory(
            python_callable, multiple_outputs=multiple_outputs,
            decorated_operator_class=_ShoutOperator, **kwargs)

`DecoratedOperator` goes first among the bases. What `SomeOperator.__init__` needs beyond the usual
(python_callable, ...) is passed as `kwargs_to_upstream`. `sdk.calling.call(python_callable,
op_args, op_kwargs, context)` calls a function with the context it asks for.
`sdk/decorators/__init__.py` lists the flavours by name and imports their modules when used.
"""

from __future__ import annotations

import ast
import functools
import inspect
import re
import textwrap
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, ClassVar

from tradewind.core.states import TriggerRule
from tradewind.sdk import arguments
from tradewind.sdk.authoring import current_dag, current_group, validate_key
from tradewind.sdk.baseoperator import BaseOperator, Birth
from tradewind.sdk.calling import check_binding, determine_kwargs, is_async_callable
from tradewind.sdk.context import CONTEXT_KEYS
from tradewind.sdk.expand_input import (
    DictOfListsExpandInput,
    ExpandInput,
    ListOfDictsExpandInput,
    is_mappable,
    refuse_duplicates,
)
from tradewind.sdk.mapped import MappedOperator
from tradewind.sdk.xcom_arg import PlainXComArg, XComArg

DOC_ARGUMENTS = ("doc", "doc_md", "doc_json", "doc_yaml", "doc_rst")


def unique_task_id(task_id: str, dag: Any = None, task_group: Any = None) -> str:
    """`task_id`, or `task_id__1`, `task_id__2`… when a function is called again in the same DAG."""
    dag = dag or current_dag()
    if dag is None:
        return task_id
    group = task_group or current_group(dag)
    full = group.child_id(task_id) if group is not None else task_id
    if full not in dag.task_dict:
        return task_id
    base = re.split(r"__[0-9]+$", full)[0]
    if base not in dag.id_suffixes:
        numbered = re.compile(rf"^{re.escape(base)}__(\d+)$")
        taken = [int(match[1]) for known in dag.task_dict if (match := numbered.match(known))]
        dag.id_suffixes[base] = max(taken, default=0)
    dag.id_suffixes[base] += 1
    while f"{base}__{dag.id_suffixes[base]}" in dag.task_dict:
        dag.id_suffixes[base] += 1
    return f"{re.split(r'__[0-9]+$', task_id)[0]}__{dag.id_suffixes[base]}"


class DecoratedOperator(BaseOperator):
    """An operator whose work is described by a function: mixin of every @task flavour."""

    template_fields: Sequence[str] = ("op_args", "op_kwargs")
    template_fields_renderers: ClassVar[Mapping[str, str]] = {"op_args": "py", "op_kwargs": "py"}
    shallow_copy_attrs: Sequence[str] = ("python_callable",)
    custom_operator_name: ClassVar[str] = "@task"

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        task_id: str,
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        kwargs_to_upstream: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        birth: Birth = self.__dict__["_birth"]
        if not birth.from_mapped:
            task_id = unique_task_id(task_id, birth.dag, birth.group)
        self.python_callable = python_callable
        self.op_args: Any = op_args or []
        self.op_kwargs: Any = op_kwargs or {}
        check_binding(python_callable, self.op_args, self.op_kwargs)
        super().__init__(task_id=task_id, **(kwargs_to_upstream or {}), **kwargs)

    def _before_init(self, kwargs: dict[str, Any]) -> None:
        """default_args also fill arguments of the function itself."""
        birth: Birth = self.__dict__["_birth"]
        names = list(inspect.signature(kwargs["python_callable"]).parameters)
        op_kwargs = dict(kwargs.get("op_kwargs") or {})
        for name in names[len(kwargs.get("op_args") or ()) :]:
            if name not in op_kwargs and name in birth.default_args:
                op_kwargs[name] = birth.default_args[name]
        kwargs["op_kwargs"] = op_kwargs

    @property
    def is_async(self) -> bool:
        return is_async_callable(self.python_callable)

    def execute(self, context: Any) -> Any:
        """Assets among the arguments become inlets, returned ones outlets, as in Airflow."""
        from tradewind.sdk.assets import Asset

        given = [*self.op_args, *self.op_kwargs.values()]
        self.inlets.extend(value for value in given if isinstance(value, Asset))
        result = super().execute(context)
        returned = result if isinstance(result, list) else [result]
        self.outlets.extend(value for value in returned if isinstance(value, Asset))
        return result

    def determine_kwargs(self, context: Mapping[str, Any]) -> Mapping[str, Any]:
        """What of the context the function asks for."""
        return determine_kwargs(self.python_callable, self.op_args, context)

    def get_python_source(self) -> str:
        """The function's source without its @task decorators, dedented."""
        return source_of(self.python_callable)


def source_of(function: Callable[..., Any]) -> str:
    """A function's source without its @task decorators, dedented."""
    return without_task_decorators(textwrap.dedent(inspect.getsource(function)))


def without_task_decorators(source: str) -> str:
    """Cut decorators of the task family; others stay, since the function may need them."""
    function = ast.parse(source).body[0]
    lines = source.splitlines(keepends=True)
    for decorator in reversed(getattr(function, "decorator_list", [])):
        text = ast.unparse(decorator)
        if re.match(r"(\w+\.)*(task|setup|teardown|result)\b", text):
            end = decorator.end_lineno or decorator.lineno
            del lines[decorator.lineno - 1 : end]
    return "".join(lines)


class TaskDecorator:
    """What `@task` makes of a function. Calling it makes a task, and refers to its result."""

    is_task_decorator = True

    def __init__(
        self,
        function: Callable[..., Any],
        operator_class: type[BaseOperator],
        multiple_outputs: bool | None = None,
        kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        if not callable(function):
            raise TypeError(
                "No positional arguments allowed while using @task, use named arguments instead"
            )
        if "self" in inspect.signature(function).parameters:
            raise TypeError("@task does not support methods")
        self.function = function
        self.operator_class = operator_class
        self.kwargs = {"task_id": function.__name__, **(kwargs or {})}
        multiple_outputs = self.kwargs.pop("multiple_outputs", multiple_outputs)
        arguments.check_types(self.kwargs)
        self.multiple_outputs = (
            infers_multiple_outputs(function) if multiple_outputs is None else multiple_outputs
        )
        self.is_setup = False
        self.is_teardown = False
        self.returns_dag_result = False
        self.on_failure_fail_dagrun = False
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> XComArg:
        operator = self.operator_class(
            python_callable=self.function,
            op_args=args,
            op_kwargs=kwargs,
            multiple_outputs=self.multiple_outputs,
            **self._task_kwargs(),
        )
        return self._finished(operator)

    def _task_kwargs(self) -> dict[str, Any]:
        kwargs = dict(self.kwargs)
        kwargs.pop("on_failure_fail_dagrun", None)
        if self.is_teardown:
            rule = kwargs.setdefault("trigger_rule", TriggerRule.ALL_DONE_SETUP_SUCCESS)
            if rule != TriggerRule.ALL_DONE_SETUP_SUCCESS:
                raise ValueError("Trigger rule not configurable for teardown tasks.")
        return kwargs

    def _finished(self, operator: Any) -> XComArg:
        operator.is_setup = self.is_setup
        operator.is_teardown = self.is_teardown
        operator.on_failure_fail_dagrun = self.kwargs.get(
            "on_failure_fail_dagrun", self.on_failure_fail_dagrun
        )
        operator.returns_dag_result = self.returns_dag_result
        documented = any(getattr(operator, name) for name in DOC_ARGUMENTS)
        if self.function.__doc__ and not documented:
            operator.doc_md = self.function.__doc__
        return PlainXComArg(operator)

    def override(self, **kwargs: Any) -> TaskDecorator:
        """The same function with other task arguments."""
        return self._with({**self.kwargs, **kwargs})

    def partial(self, **kwargs: Any) -> TaskDecorator:
        """Fix some of the function's arguments before `expand`."""
        self._check_names("partial", kwargs)
        known = self.kwargs.get("op_kwargs", {})
        refuse_duplicates(known, kwargs, "duplicate partial")
        return self._with({**self.kwargs, "op_kwargs": {**known, **kwargs}})

    def _with(self, kwargs: dict[str, Any]) -> TaskDecorator:
        other = type(self)(self.function, self.operator_class, self.multiple_outputs, kwargs)
        for role in ("is_setup", "is_teardown", "returns_dag_result", "on_failure_fail_dagrun"):
            setattr(other, role, getattr(self, role))
        return other

    def expand(self, **map_kwargs: Any) -> XComArg:
        """One instance for each combination of the arguments' items.

        They win over what `partial` has fixed of the same name, as in Airflow.
        """
        if not map_kwargs:
            raise TypeError("no arguments to expand against")
        self._check_names("expand", map_kwargs)
        refuse_duplicates(self.kwargs, map_kwargs, "mapping already partial")
        self._refuse_always(any(isinstance(value, XComArg) for value in map_kwargs.values()))
        return self._expand(DictOfListsExpandInput(map_kwargs), strict=False)

    def expand_kwargs(self, kwargs: Any, *, strict: bool = True) -> XComArg:
        """One instance for each dict of arguments."""
        expand_input = ListOfDictsExpandInput(kwargs)
        if not isinstance(kwargs, XComArg):
            dicts = [item for item in kwargs if isinstance(item, Mapping)]
            self._refuse_always(any(isinstance(v, XComArg) for d in dicts for v in d.values()))
        return self._expand(expand_input, strict=strict)

    def _refuse_always(self, maps_over_results: bool) -> None:
        if maps_over_results and self.kwargs.get("trigger_rule") == TriggerRule.ALWAYS:
            raise ValueError(
                "Task-generated mapping within a task using 'expand' is not allowed "
                "with trigger rule 'always'."
            )

    def _check_names(self, verb: str, kwargs: Mapping[str, Any]) -> None:
        reserved = sorted(CONTEXT_KEYS.intersection(kwargs))
        if reserved:
            names = ", ".join(map(repr, reserved))
            raise ValueError(f"cannot call {verb}() on task context variable {names}")
        check_function_arguments(self.function, verb, kwargs)

    def _expand(self, expand_input: ExpandInput, *, strict: bool) -> XComArg:
        kwargs = {"op_args": [], "op_kwargs": {}, **self._task_kwargs()}
        kwargs["python_callable"] = self.function
        kwargs["multiple_outputs"] = self.multiple_outputs
        dag = kwargs.pop("dag", None) or current_dag()
        group = kwargs.pop("task_group", None) or current_group(dag)
        defaults = arguments.merged_defaults(dag, group, kwargs.pop("default_args", None))
        birth = Birth(dag, group, defaults, kwargs.pop("params", None), from_mapped=True)
        arguments.modernise(kwargs, frozenset)
        task_id = validate_key(unique_task_id(kwargs.pop("task_id"), dag, group))
        if group is not None:
            task_id = group.child_id(task_id)
        operator = MappedTaskFunction(
            self.operator_class, task_id, kwargs, birth, expand_input, strict=strict
        )
        return self._finished(operator)


class MappedTaskFunction(MappedOperator):
    """A mapped @task: what varies are the function's arguments, not the operator's."""

    def _instance_kwargs(self, share: dict[str, Any]) -> dict[str, Any]:
        fixed = self.partial_kwargs["op_kwargs"]
        if self._strict:
            refuse_duplicates(fixed, share, "mapping already partial")
        return {**super()._instance_kwargs({}), "op_kwargs": {**fixed, **share}}


def check_function_arguments(
    function: Callable[..., Any], verb: str, kwargs: Mapping[str, Any]
) -> None:
    """Raises for arguments that the function does not take, or that cannot be mapped over."""
    parameters = inspect.signature(function).parameters
    if not any(p.kind == p.VAR_KEYWORD for p in parameters.values()):
        unknown = [name for name in kwargs if name not in parameters]
        if unknown:
            plural = "s" if len(unknown) > 1 else ""
            article = "" if plural else "an "
            names = ", ".join(map(repr, unknown))
            raise TypeError(f"{verb}() got {article}unexpected keyword argument{plural} {names}")
    if verb == "expand":
        for name, value in kwargs.items():
            if not is_mappable(value):
                raise ValueError(
                    f"expand() got an unexpected type {type(value).__name__!r} "
                    f"for keyword argument {name!r}"
                )


def infers_multiple_outputs(function: Callable[..., Any]) -> bool:
    """Whether the return annotation says dict, so that each key becomes an XCom of its own."""
    annotation = getattr(function, "__annotations__", {}).get("return")
    if annotation is None:
        return False

    def carrier() -> None: ...

    carrier.__annotations__ = {"return": annotation}
    try:
        hints = typing.get_type_hints(carrier, getattr(function, "__globals__", None))
    except (NameError, TypeError):  # names for the type checker only
        return False
    returned = typing.get_origin(hints["return"]) or hints["return"]
    return isinstance(returned, type) and issubclass(returned, Mapping)


def task_decorator_factory(
    python_callable: Callable[..., Any] | None = None,
    *,
    multiple_outputs: bool | None = None,
    decorated_operator_class: type[BaseOperator],
    **kwargs: Any,
) -> Any:
    """Serves both `@task` and `@task(...)`; further arguments go to the operator."""
    if python_callable is not None:
        return TaskDecorator(python_callable, decorated_operator_class, multiple_outputs, kwargs)

    def decorate(function: Callable[..., Any]) -> TaskDecorator:
        return TaskDecorator(function, decorated_operator_class, multiple_outputs, kwargs)

    return decorate
