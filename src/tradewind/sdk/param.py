"""Params: named values of a run with a JSON schema, a default, and a form in the UI."""

from __future__ import annotations

import json
from collections.abc import ItemsView, Iterable, Iterator, Mapping, MutableMapping, ValuesView
from typing import TYPE_CHECKING, Any

from tradewind.sdk.authoring import NOTSET
from tradewind.sdk.exceptions import ParamValidationError
from tradewind.sdk.templater import ResolveMixin

if TYPE_CHECKING:
    from tradewind.sdk.dag import DAG


class Param:
    """A default, a description and a JSON schema (`schema=...`, or its keywords as arguments).

    Without a default, or with one that its schema refuses, every run has to give a value.
    """

    def __init__(
        self,
        default: Any = NOTSET,
        description: str | None = None,
        source: str | None = None,
        **kwargs: Any,
    ) -> None:
        if default is not NOTSET:
            _check_json(default)
        self.value = default
        self.description = description
        self.schema: dict[str, Any] = kwargs.pop("schema") if "schema" in kwargs else kwargs
        self.source = source

    def __copy__(self) -> Param:
        return Param(self.value, self.description, self.source, schema=self.schema)

    def __repr__(self) -> str:
        return f"Param({self.value!r}, schema={self.schema!r})"

    @property
    def has_value(self) -> bool:
        return self.value is not NOTSET and self.value is not None

    def resolve(self, value: Any = NOTSET, suppress_exception: bool = False) -> Any:
        """The given value or the default, checked. Raises ParamValidationError, or gives None."""
        final = self.value if value is NOTSET else value
        try:
            if final is NOTSET:
                raise ParamValidationError("No value passed and Param has no default value")
            if value is not NOTSET:
                _check_json(value)
            if self.schema:
                _check_schema(final, self.schema)
        except ParamValidationError:
            if suppress_exception:
                return None
            raise
        return final

    def dump(self) -> dict[str, Any]:
        value = None if self.value is NOTSET else self.value
        return {
            "value": value,
            "description": self.description,
            "schema": self.schema,
            "source": self.source,
        }


def _check_json(value: Any) -> None:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        raise ParamValidationError(
            "All provided parameters must be json-serializable. "
            f"The value '{value}' is not serializable."
        ) from None


def _check_schema(value: Any, schema: Mapping[str, Any]) -> None:
    from tradewind.core.params import BadSchema, breach  # with msgspec: most files need neither

    try:
        problem = breach(value, schema)
    except BadSchema as error:
        raise ParamValidationError(f"The param's JSON schema is wrong: {error}") from None
    if problem is not None:
        raise ParamValidationError(problem)


class ParamsDict(MutableMapping[str, Any]):
    """Params by name. Reading one gives its checked value; `get_param` gives the Param itself."""

    def __init__(
        self, dict_obj: Mapping[str, Any] | None = None, suppress_exception: bool = False
    ) -> None:
        self._params: dict[str, Param] = {}
        self.suppress_exception = suppress_exception
        if dict_obj:
            self.update(dict_obj)

    def __getitem__(self, key: str) -> Any:
        return self._params[key].resolve(suppress_exception=self.suppress_exception)

    def __setitem__(self, key: str, value: Any) -> None:
        if isinstance(value, Param):
            self._params[key] = value
        elif key in self._params:
            old = self._params[key]
            try:
                checked = old.resolve(value, self.suppress_exception)
            except ParamValidationError as error:
                raise ParamValidationError(f"Invalid input for param {key}: {error}") from None
            self._params[key] = Param(checked, old.description, old.source, schema=old.schema)
        else:
            self._params[key] = Param(value)

    def __delitem__(self, key: str) -> None:
        del self._params[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._params)

    def __len__(self) -> int:
        return len(self._params)

    def __contains__(self, key: object) -> bool:
        return key in self._params

    def __eq__(self, other: object) -> bool:
        if isinstance(other, ParamsDict):
            return self.dump() == other.dump()
        return isinstance(other, Mapping) and self.dump() == dict(other)

    def __copy__(self) -> ParamsDict:
        return ParamsDict(self, self.suppress_exception)

    def __repr__(self) -> str:
        return repr(self.dump())

    def items(self) -> ItemsView[str, Any]:
        """Pairs of name and Param, as Airflow's."""
        return ItemsView(self._params)

    def values(self) -> ValuesView[Any]:
        return ValuesView(self._params)

    def get_param(self, key: str) -> Param:
        return self._params[key]

    def update(self, *args: Any, **kwargs: Any) -> None:
        if len(args) == 1 and isinstance(args[0], ParamsDict):
            self._params.update(args[0]._params)
        else:
            for name, value in dict(*args).items():
                self[name] = value
        for name, value in kwargs.items():
            self[name] = value

    def dump(self) -> dict[str, Any]:
        """Plain values; None for those that are not valid."""
        return {key: param.resolve(suppress_exception=True) for key, param in self._params.items()}

    def validate(self) -> dict[str, Any]:
        """Plain values. Raises ParamValidationError that names the first bad one."""
        resolved = {}
        for key, param in self._params.items():
            try:
                resolved[key] = param.resolve(suppress_exception=self.suppress_exception)
            except ParamValidationError as error:
                raise ParamValidationError(f"Invalid input for param {key}: {error}") from None
        return resolved

    def deep_merge(self, data: Mapping[str, Any] | None) -> None:
        """Take the run's conf: known names are checked, new ones added."""
        for key, value in (data or {}).items():
            self[key] = value


class DagParam(ResolveMixin):
    """`dag.param(name)`: a reference to a param, resolved in the task."""

    def __init__(self, current_dag: DAG, name: str, default: Any = NOTSET) -> None:
        if default is not NOTSET:
            current_dag.params[name] = default
        self.current_dag = current_dag
        self._name = name
        self._default = default

    def iter_references(self) -> Iterable[tuple[Any, str]]:
        return ()

    def resolve(self, context: Mapping[str, Any]) -> Any:
        conf = getattr(context.get("dag_run"), "conf", None) or {}
        if self._name in conf:
            return conf[self._name]
        if self._default is not NOTSET:
            return self._default
        if self._name in context.get("params", {}):
            return context["params"][self._name]
        raise RuntimeError(f"No value could be resolved for parameter {self._name}")


def task_params(
    dag: DAG | None, *levels: Mapping[str, Any] | None
) -> tuple[ParamsDict, frozenset[str]]:
    """A task's params: its DAG's, overridden by each of `levels`; and the names in those."""
    own = ParamsDict()
    for level in levels:
        own.update(level or {})
    params = ParamsDict(dag.params if dag is not None else {})
    params.update(own)
    return params, frozenset(own)


def process_params(
    dag: DAG | None, task: Any, conf: Mapping[str, Any] | None, *, suppress_exception: bool = False
) -> dict[str, Any]:
    """The plain params of one task: the DAG's, the task's, and the run's conf over both."""
    params = ParamsDict(suppress_exception=suppress_exception)
    params.update(dag.params if dag is not None else {})
    params.update(getattr(task, "params", None) or {})
    params.deep_merge(conf)
    return params.validate()
