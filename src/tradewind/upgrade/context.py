"""Old names of the task context: in templates, and where Python code looks into the context."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import libcst as cst
from libcst.metadata import Assignment

from tradewind.upgrade.edits import Edits
from tradewind.upgrade.plan import Plan
from tradewind.upgrade.reader import Reader, expression, keyword, string_value
from tradewind.upgrade.templates import (
    SAME_WITH_INTERVALS,
    WITHOUT_MODERN_FORM,
    modernise_template,
)

_DAY = '.strftime("%Y-%m-%d")'
_NODASH = '.strftime("%Y%m%d")'
_SAME = {
    "execution_date": ("logical_date", ""),
    "tomorrow_ds": ("logical_date", f".add(days=1){_DAY}"),
    "tomorrow_ds_nodash": ("logical_date", f".add(days=1){_NODASH}"),
    "yesterday_ds": ("logical_date", f".subtract(days=1){_DAY}"),
    "yesterday_ds_nodash": ("logical_date", f".subtract(days=1){_NODASH}"),
    "triggering_dataset_events": ("triggering_asset_events", ""),
}
"""Old name → the name of today, and what is done with its value."""

_SAME_WITH_INTERVALS = {
    "next_execution_date": ("data_interval_end", ""),
    "next_ds": ("data_interval_end", _DAY),
    "next_ds_nodash": ("data_interval_end", _NODASH),
    "prev_execution_date_success": ("prev_data_interval_start_success", ""),
}
_OLD = {*_SAME, *_SAME_WITH_INTERVALS, *WITHOUT_MODERN_FORM}
_Known = dict[str, tuple[str, str]]

_CONTEXTS = {"context", "ctx"}
_ADVICE = {
    **dict.fromkeys(
        SAME_WITH_INTERVALS,
        "write data_interval_end where the DAG's runs cover data intervals",
    ),
    **dict.fromkeys(WITHOUT_MODERN_FORM, "compute it from logical_date and the DAG's schedule"),
    "prev_execution_date_success": "write prev_data_interval_start_success",
}


def modernise_context(reader: Reader, plan: Plan, *, intervals: bool) -> None:
    """`intervals`: the DAGs' runs cover data intervals, from one slot to the next."""
    for text in reader.all(cst.SimpleString, cst.FormattedStringText):
        if not isinstance(reader.parent(text), cst.Expr):  # a docstring is no template
            _template(reader, plan, text, intervals)
    own = _own_names(reader)
    known = _SAME | (_SAME_WITH_INTERVALS if intervals else {})
    known = {old: new for old, new in known.items() if old not in own}
    for node in reader.all(cst.Subscript, cst.Call):
        _entry(reader, plan, node, known, _OLD - own)
    for attribute in reader.all(cst.Attribute):
        if attribute.attr.value == "execution_date":
            _attribute(reader, plan, attribute)
    for function in _task_functions(reader):
        for kind in ("params", "kwonly_params"):
            _parameters(reader, plan, function, kind, known, _OLD - own)


def _template(reader: Reader, plan: Plan, text: Any, intervals: bool) -> None:
    new, left = modernise_template(text.value, intervals=intervals)
    if new != text.value:
        plan.change(text, lambda node: node.with_changes(value=new))
    for name in sorted(left):
        plan.note(reader.line(text), _advice(name))


def _advice(name: str) -> str:
    advice = _ADVICE.get(name, "it is not in the context of Airflow 3")
    return f"{name} is left as it is: {advice}."


def _own_names(reader: Reader) -> set[str]:
    """Old names that the file itself gives to functions: there they mean what the file says."""
    keys = {
        string_value(element.key)
        for mapping in reader.all(cst.Dict)
        for element in mapping.elements
        if isinstance(element, cst.DictElement)
    }
    keywords = {
        arg.keyword.value
        for call in reader.all(cst.Call)
        if not reader.modern(call.func).startswith("airflow.")
        for arg in call.args
        if arg.keyword is not None
    }
    return _OLD & (keys | keywords)


def _entry(reader: Reader, plan: Plan, node: Any, known: _Known, old: set[str]) -> None:
    """`context["execution_date"]`, and the same with `.get(...)`."""
    context, key = _look_up(node)
    if context is None or key not in old or not _is_context(reader, context):
        return
    new, then = known.get(key, ("", ""))
    if new and isinstance(node, cst.Subscript):
        how = partial(_looked_up, reader.quoted(f'"{new}"', node), reader.quoted(then, node))
        plan.change(node, how)
    elif new and not then:
        plan.replace(node.args[0].value, expression(reader.quoted(f'"{new}"', node)))
    else:
        plan.note(reader.line(node), _advice(key))


def _looked_up(key: str, then: str, old: cst.Subscript) -> cst.BaseExpression:
    """`old` with another key, and what is done with the value."""
    index = cst.SubscriptElement(cst.Index(expression(key)))
    value = old.with_changes(slice=[index], lpar=[], rpar=[])
    new: Any = value
    for step in _steps(then):
        new = step.with_changes(func=step.func.with_changes(value=new))
    whole: cst.BaseExpression = new.with_changes(lpar=old.lpar, rpar=old.rpar)
    return whole


def _steps(then: str) -> list[Any]:
    """The calls of `.a(...).b(...)`, in their order."""
    calls: list[Any] = []
    node: Any = expression(f"value{then}")
    while isinstance(node, cst.Call):
        calls.insert(0, node)
        func: Any = node.func
        node = func.value
    return calls


def _look_up(node: Any) -> tuple[cst.BaseExpression | None, str]:
    """The mapping and the key that is looked up in it."""
    if isinstance(node, cst.Subscript) and len(node.slice) == 1:
        index = node.slice[0].slice
        if isinstance(index, cst.Index):
            return node.value, string_value(index.value) or ""
    is_method = isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute)
    if is_method and node.args and node.func.attr.value in ("get", "pop"):
        return node.func.value, string_value(node.args[0].value) or ""
    return None, ""


def _is_context(reader: Reader, node: cst.BaseExpression) -> bool:
    """A `**` parameter, something called context, or what get_current_context() gave."""
    if isinstance(node, cst.Call):
        return reader.modern(node.func) == "airflow.sdk.get_current_context"
    if not isinstance(node, cst.Name):
        return False
    if node.value in _CONTEXTS:
        return True
    value = reader.value_of(node)
    if isinstance(value, cst.Call):
        return _is_context(reader, value)
    scope = reader.scope(node)
    bound = scope[node.value] if scope is not None else ()
    parameters = [a.node for a in bound if isinstance(a, Assignment)]
    return any(isinstance(p, cst.Param) and p.star == "**" for p in parameters)


def _attribute(reader: Reader, plan: Plan, node: cst.Attribute) -> None:
    """`dag_run.execution_date`, `context["ti"].execution_date`."""
    context, key = _look_up(node.value)
    owner = key or (node.value.value if isinstance(node.value, cst.Name) else "")
    if owner == "dag_run":
        plan.change(node.attr, lambda attr: attr.with_changes(value="logical_date"))
    elif owner in ("ti", "task_instance"):
        if context is not None and isinstance(node.value, cst.Subscript):
            key = reader.quoted('"logical_date"', node)
            plan.change(node, lambda new: _looked_up(key, "", new.value))
        else:
            plan.note(
                reader.line(node),
                f"{reader.text(node)} is left: Airflow 3's task instances have no such attribute;"
                ' write context["logical_date"].',
            )


def _task_functions(reader: Reader) -> Iterator[cst.FunctionDef]:
    """Functions to which Airflow gives the context by the names of their parameters."""
    called = {
        arg.value.value
        for call in reader.all(cst.Call)
        if (arg := keyword(call, "python_callable")) and isinstance(arg.value, cst.Name)
    }
    for function in reader.all(cst.FunctionDef):
        decorators = (d.decorator for d in function.decorators)
        names = (reader.modern(d.func if isinstance(d, cst.Call) else d) for d in decorators)
        if function.name.value in called or any(
            f"{n}.".startswith("airflow.sdk.task.") for n in names
        ):
            yield function


def _parameters(
    reader: Reader, plan: Plan, function: cst.FunctionDef, kind: str, known: _Known, old: set[str]
) -> None:
    """`def work(execution_date, tomorrow_ds)` becomes `def work(logical_date)`."""
    edits = Edits(kind)
    parameters = getattr(function.params, kind)
    present = {parameter.name.value for parameter in parameters}
    for position, parameter in enumerate(parameters):
        name = parameter.name.value
        if name not in old:
            continue
        new, then = known.get(name, ("", ""))
        if not new or (then and parameter.annotation) or _is_assigned(reader, parameter, new):
            plan.note(reader.line(parameter), _advice(name))
            continue
        for use in _uses(reader, parameter):
            plan.replace(use, expression(reader.quoted(f"{new}{then}", use)))
        if new in present:
            edits.drop(position)
        else:
            present.add(new)
            edits.set(position, partial(_named, new))
    edits.register(plan, function.params)


def _named(name: str, parameter: cst.Param) -> cst.Param:
    return parameter.with_changes(name=cst.Name(name))


def _is_assigned(reader: Reader, parameter: cst.Param, name: str) -> bool:
    """Whether the function has a variable of that name beside its parameters."""
    scope = reader.scope(parameter.name)
    bound = scope[name] if scope is not None and name in scope else ()
    return any(
        a.scope is scope and not isinstance(getattr(a, "node", None), cst.Param) for a in bound
    )


def _uses(reader: Reader, parameter: cst.Param) -> Iterator[cst.Name]:
    for name in reader.names:
        scope = reader.scope(name)
        if name.value != parameter.name.value or scope is None or name is parameter.name:
            continue
        if any(isinstance(a, Assignment) and a.node is parameter for a in scope[name.value]):
            yield name
