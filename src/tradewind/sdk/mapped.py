"""Mapped operators: one task of the file, as many instances per run as its arguments have items.

Run-time interface: `mapped.for_instance(context)` gives the plain operator of the instance that
`context["ti"].map_index` names, ready for `render_template_fields` and `execute`.
`mapped.unmap(kwargs)` does the same with arguments that are resolved already.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tradewind.sdk import arguments
from tradewind.sdk.authoring import current_dag, current_group, validate_key
from tradewind.sdk.baseoperator import BaseOperator, Birth, accepted_arguments
from tradewind.sdk.exceptions import NestedMappingError
from tradewind.sdk.expand_input import (
    DictOfListsExpandInput,
    ExpandInput,
    ListOfDictsExpandInput,
    ensure_return_values,
    is_mappable,
    refuse_duplicates,
)
from tradewind.sdk.operator import AbstractOperator
from tradewind.sdk.param import task_params

if TYPE_CHECKING:
    from tradewind.sdk.dag import DAG
    from tradewind.sdk.taskgroup import TaskGroup

UNMAPPABLE = frozenset(
    {
        "allow_nested_operators",
        "depends_on_past",
        "email_on_failure",
        "email_on_retry",
        "execution_timeout",
        "executor_config",
        "ignore_first_depends_on_past",
        "inlets",
        "map_index_template",
        "on_execute_callback",
        "on_failure_callback",
        "on_retry_callback",
        "on_skipped_callback",
        "on_success_callback",
        "outlets",
        "owner",
        "pool_slots",
        "priority_weight",
        "queue",
        "retries",
        "retry_delay",
        "retry_exponential_backoff",
        "retry_policy",
        "trigger_rule",
        "wait_for_downstream",
        "wait_for_past_depends_before_skipping",
        "weight_rule",
    }
)
"""What scheduling needs to know of the task as a whole."""


def partial(
    operator_class: type[BaseOperator],
    *,
    task_id: str,
    dag: DAG | None = None,
    task_group: TaskGroup | None = None,
    params: Mapping[str, Any] | None = None,
    default_args: Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> OperatorPartial:
    """`Operator.partial(...)`: the arguments that all instances share."""
    dag = dag or current_dag()
    task_group = task_group or current_group(dag)
    arguments.modernise(kwargs, lambda: accepted_arguments(operator_class))
    check_names(operator_class, "partial", kwargs)
    defaults = arguments.merged_defaults(dag, task_group, default_args)
    if task_group is not None:
        task_id = task_group.child_id(validate_key(task_id))
    birth = Birth(dag, task_group, defaults, params, from_mapped=True)
    return OperatorPartial(operator_class, task_id, kwargs, birth)


def check_names(operator_class: type[BaseOperator], verb: str, kwargs: Mapping[str, Any]) -> None:
    """Raises TypeError for an argument that the operator does not take."""
    unknown = sorted(set(kwargs) - accepted_arguments(operator_class))
    if unknown:
        what = (
            "an unexpected keyword argument"
            if len(unknown) == 1
            else "unexpected keyword arguments"
        )
        names = ", ".join(map(repr, unknown))
        raise TypeError(f"{operator_class.__name__}.{verb}() got {what} {names}")


class OperatorPartial:
    """What `.partial(...)` gives; it becomes a task by `.expand(...)` or `.expand_kwargs(...)`."""

    def __init__(
        self,
        operator_class: type[BaseOperator],
        task_id: str,
        kwargs: dict[str, Any],
        birth: Birth,
    ) -> None:
        self.operator_class = operator_class
        self.task_id = task_id
        self.kwargs = kwargs
        self._birth = birth
        self._expand_called = False

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.kwargs.items())
        return f"{self.operator_class.__name__}.partial(task_id={self.task_id!r}, {shown})"

    def __del__(self) -> None:
        if not self.__dict__.get("_expand_called", True):
            warnings.warn(f"Task {self.task_id!r} was never mapped!", UserWarning, stacklevel=1)

    def expand(self, **mapped_kwargs: Any) -> MappedOperator:
        """One instance for each combination of the arguments' items."""
        self._expand_called = True
        if not mapped_kwargs:
            raise TypeError("no arguments to expand against")
        check_names(self.operator_class, "expand", mapped_kwargs)
        for name, value in mapped_kwargs.items():
            if not is_mappable(value):
                raise ValueError(
                    f"{self.operator_class.__name__}.expand() got an unexpected type "
                    f"{type(value).__name__!r} for keyword argument {name}"
                )
        fixed = {**dict.fromkeys(UNMAPPABLE), **self.kwargs}
        refuse_duplicates(fixed, mapped_kwargs, "unmappable or already specified")
        return self._expand(DictOfListsExpandInput(mapped_kwargs), strict=False)

    def expand_kwargs(self, kwargs: Any, *, strict: bool = True) -> MappedOperator:
        """One instance for each dict of arguments. `strict`: none may repeat one of `partial`."""
        self._expand_called = True
        return self._expand(ListOfDictsExpandInput(kwargs), strict=strict)

    def _expand(self, expand_input: ExpandInput, *, strict: bool) -> MappedOperator:
        return MappedOperator(
            self.operator_class, self.task_id, self.kwargs, self._birth, expand_input, strict=strict
        )


class MappedOperator(AbstractOperator):
    """A mapped task in the DAG. Base arguments read and write through to `partial_kwargs`."""

    is_mapped = True
    operator_extra_links: Collection[Any] = ()  # an instance's are known once it is unmapped

    def __init__(
        self,
        operator_class: type[BaseOperator],
        task_id: str,
        kwargs: Mapping[str, Any],
        birth: Birth,
        expand_input: ExpandInput,
        *,
        strict: bool,
    ) -> None:
        self.__dict__["partial_kwargs"] = _complete(operator_class, kwargs, birth.default_args)
        super().__init__()
        ensure_return_values(expand_input.value)
        self.operator_class = operator_class
        self.task_id = validate_key(task_id)
        self.expand_input = expand_input
        self.template_fields = operator_class.template_fields
        self.template_ext = operator_class.template_ext
        self.template_fields_renderers = operator_class.template_fields_renderers
        self.ui_color = operator_class.ui_color
        self.ui_fgcolor = operator_class.ui_fgcolor
        self.task_group = birth.group
        self._strict = strict
        self._birth = birth
        levels = (birth.default_args.get("params"), birth.params)
        self.params, self.own_params = task_params(birth.dag, *levels)
        if self.get_closest_mapped_task_group() is not None:
            raise NestedMappingError(
                f"operator expansion in an expanded task group is not yet supported ({task_id})",
                hint="Expand either the group or the task.",
            )
        if birth.group is not None:
            birth.group.add(self)
        if birth.dag is not None:
            birth.dag.add_task(self)
        self._draw_arrows_from(
            [
                expand_input.value,
                *(value for name, value in kwargs.items() if name in self.template_fields),
            ]
        )

    def __getattr__(self, name: str) -> Any:
        if name in arguments.DEFAULTS:
            return self.partial_kwargs[name]
        raise AttributeError(
            f"{type(self).__name__} {self.__dict__.get('task_id')!r} has no {name!r}"
        )

    def __setattr__(self, name: str, value: Any) -> None:
        if name in arguments.DEFAULTS:
            self.partial_kwargs[name] = arguments.convert(name, value)
        else:
            super().__setattr__(name, value)

    def __repr__(self) -> str:
        return f"<Mapped({self.task_type}): {self.task_id}>"

    @property
    def task_type(self) -> str:
        return self.operator_class.__name__

    @property
    def operator_name(self) -> str:
        return str(getattr(self.operator_class, "custom_operator_name", None) or self.task_type)

    @property
    def task_display_name(self) -> str:  # type: ignore[override]  # read only here
        return self.partial_kwargs["task_display_name"] or self.task_id

    @property
    def is_sensor(self) -> bool:
        return self.operator_class.is_sensor

    @property
    def inherits_from_empty_operator(self) -> bool:
        return self.operator_class.inherits_from_empty_operator

    def iter_mapped_dependencies(self) -> Iterator[AbstractOperator]:
        """The tasks whose results decide how many instances there are."""
        for operator, _ in self.expand_input.iter_references():
            yield operator

    # --- at run time ------------------------------------------------------------------------------

    def for_instance(self, context: Mapping[str, Any]) -> BaseOperator:
        """The plain operator of the instance that the context belongs to."""
        share, resolved = self.expand_input.resolve(context)
        operator = self.unmap(share)
        operator.resolved_values = resolved
        return operator

    def unmap(self, resolve: Mapping[str, Any] | None) -> BaseOperator:
        """The plain operator with `resolve` as its mapped arguments."""
        kwargs = self._instance_kwargs(dict(resolve or {}))
        operator = self.operator_class.__new__(self.operator_class)
        operator.__dict__["_birth"] = self._birth
        operator.__init__(task_id=self.task_id, **kwargs)  # type: ignore[misc]
        operator.is_setup = self.is_setup
        operator.is_teardown = self.is_teardown
        operator.on_failure_fail_dagrun = self.on_failure_fail_dagrun
        operator.returns_dag_result = self.returns_dag_result
        operator.upstream_task_ids = self.upstream_task_ids
        operator.downstream_task_ids = self.downstream_task_ids
        return operator

    def _instance_kwargs(self, share: dict[str, Any]) -> dict[str, Any]:
        if self._strict:
            refuse_duplicates(self.partial_kwargs, share, "unmappable or already specified")
        return {**_given(self.partial_kwargs), **share}


def _given(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Without arguments that have their default: an operator class need not take them all."""
    return {
        name: value
        for name, value in kwargs.items()
        if name not in arguments.DEFAULTS
        or value != arguments.convert(name, arguments.DEFAULTS[name])
    }


def _complete(
    operator_class: type[BaseOperator], kwargs: Mapping[str, Any], default_args: Mapping[str, Any]
) -> dict[str, Any]:
    """All base arguments: as given, or from default_args, the class's defaults or Airflow's."""
    complete = {**arguments.DEFAULTS, **_class_defaults(operator_class)}
    complete.update(
        {name: default_args[name] for name in arguments.DEFAULTS if name in default_args}
    )
    complete.update(kwargs)
    arguments.check_types({**complete, "retries": None, "email": None, "start_date": None})
    if complete["wait_for_downstream"]:
        complete["depends_on_past"] = True
    return {name: arguments.convert(name, value) for name, value in complete.items()}


def _class_defaults(operator_class: type[BaseOperator]) -> dict[str, Any]:
    defaults: dict[str, Any] = {}
    bases = operator_class.__mro__[: operator_class.__mro__.index(BaseOperator)]
    for cls in reversed(bases):
        init = cls.__dict__.get("__init__")
        if init is not None:
            for name, parameter in inspect.signature(init).parameters.items():
                if name in arguments.DEFAULTS and parameter.default is not parameter.empty:
                    defaults[name] = parameter.default
    return defaults
