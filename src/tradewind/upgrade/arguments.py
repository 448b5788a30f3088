"""Arguments of Airflow 1 and 2: of DAGs, of operators, and in default_args."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import libcst as cst

from tradewind.sdk.arguments import DROPPED, LEGACY_TRIGGER_RULES, RENAMED
from tradewind.sdk.legacy_dag import DROPPED as DROPPED_BY_DAG
from tradewind.sdk.legacy_dag import RENAMED as RENAMED_BY_DAG
from tradewind.upgrade.edits import Edits, named
from tradewind.upgrade.plan import Plan
from tradewind.upgrade.reader import Reader, expression, string_value
from tradewind.upgrade.schedule import dict_call, modernise_schedule

_OF_ONE_OPERATOR = {
    "TriggerDagRunOperator": {"execution_date": "logical_date"},
    "ExternalTaskMarker": {"execution_date": "logical_date"},
    "ExternalTaskSensor": {"poll_interval": "poke_interval"},
    "BranchDateTimeOperator": {"use_task_execution_date": "use_task_logical_date"},
    "BranchDayOfWeekOperator": {"use_task_execution_day": "use_task_logical_date"},
    "DayOfWeekSensor": {"use_task_execution_day": "use_task_logical_date"},
    "AssetOrTimeSchedule": {"datasets": "assets"},
}
_NOT_SAID = {"provide_context", "adhoc", "default_view", "orientation"}
"""Dropped without a note: nobody misses them."""


def modernise_arguments(reader: Reader, plan: Plan) -> None:
    for call in reader.all(cst.Call):
        edits = Edits("args")
        if reader.is_dag(call):
            _modernise(reader, plan, edits, call.args, RENAMED_BY_DAG, DROPPED_BY_DAG)
            _name_description(call, edits)
            modernise_schedule(reader, plan, call, edits)
        elif (renamings := _renamings(reader, plan, call)) is not None:
            _modernise(reader, plan, edits, call.args, renamings, DROPPED)
            _modernise_values(reader, plan, call, edits)
        edits.register(plan, call)
    for default_args in _default_args(reader):
        items = default_args.elements if isinstance(default_args, cst.Dict) else default_args.args
        edits = Edits("elements" if isinstance(default_args, cst.Dict) else "args")
        _modernise(reader, plan, edits, items, RENAMED, DROPPED)
        edits.register(plan, default_args)
    _modernise_trigger_rules(reader, plan)


def _name_description(call: cst.Call, edits: Edits) -> None:
    """A DAG's second argument may no longer come without its name."""
    if len(call.args) > 1 and not call.args[1].keyword and not any(a.star for a in call.args[:2]):
        edits.set(1, named("description"))


def _modernise(
    reader: Reader,
    plan: Plan,
    edits: Edits,
    items: Any,
    renamings: Mapping[str, str],
    dropped: Mapping[str, str],
) -> None:
    names = [_name(item) for item in items]
    for position, (name, item) in enumerate(zip(names, items, strict=True)):
        if name in renamings:
            if renamings[name] in names:
                plan.note(
                    reader.line(item), f"{name} is now called {renamings[name]}: both are here."
                )
            else:
                edits.set(position, _renaming(item, name, renamings[name]))
        elif name in dropped:
            edits.drop(position)
            if name not in _NOT_SAID:
                plan.note(reader.line(item), f"{name} is gone: {dropped[name]}.")
        elif name == "trigger_rule":
            _modernise_rule(plan, item)


def _modernise_values(reader: Reader, plan: Plan, call: cst.Call, edits: Edits) -> None:
    """Arguments of single operators that are said in another way today."""
    makes_runs = reader.modern(call.func).endswith(".TriggerDagRunOperator")
    for position, arg in enumerate(call.args):
        name = _name(arg)
        if name == "use_dill" and isinstance(arg.value, cst.Name):
            if arg.value.value == "True":
                dill = expression(reader.quoted('"dill"', arg))
                edits.set(position, partial(_said_as, "serializer", dill))
            else:
                edits.drop(position)
        elif name == "python_callable" and makes_runs:
            plan.note(
                reader.line(arg),
                "python_callable of TriggerDagRunOperator is gone: write conf=, and a"
                " ShortCircuitOperator before it if it is not always to trigger.",
            )


def _said_as(name: str, value: cst.BaseExpression, arg: cst.Arg) -> cst.Arg:
    return named(name)(arg.with_changes(value=value))


def _name(item: Any) -> str:
    """The name of an argument or entry; empty where there is none."""
    if isinstance(item, cst.DictElement):
        return string_value(item.key) or ""
    return item.keyword.value if isinstance(item, cst.Arg) and item.keyword else ""


def _renaming(item: Any, old: str, new: str) -> Any:
    if isinstance(item, cst.Arg):
        return named(new)
    return lambda entry: entry.with_changes(
        key=entry.key.with_changes(value=entry.key.value.replace(old, new))
    )


def _modernise_rule(plan: Plan, item: Any) -> None:
    rule = string_value(item.value)
    if rule in LEGACY_TRIGGER_RULES and isinstance(item.value, cst.SimpleString):
        new = item.value.value.replace(rule, LEGACY_TRIGGER_RULES[rule])
        plan.change(item.value, lambda value: value.with_changes(value=new))


def _modernise_trigger_rules(reader: Reader, plan: Plan) -> None:
    """`TriggerRule.DUMMY` and its kin."""
    for node in reader.all(cst.Attribute):
        rule = LEGACY_TRIGGER_RULES.get(node.attr.value.lower())
        if rule and reader.modern(node.value) == "airflow.sdk.TriggerRule":
            plan.replace(node.attr, cst.Name(rule.upper()))


def _renamings(reader: Reader, plan: Plan, call: cst.Call) -> Mapping[str, str] | None:
    """The old argument names that a call may have; None if it makes no task of Airflow's."""
    name = reader.modern(call.func).removesuffix(".partial")
    if name.startswith("airflow."):
        return RENAMED | _OF_ONE_OPERATOR.get(name.rpartition(".")[2], {})
    given = {_name(arg) for arg in call.args}
    old = sorted(given & {*RENAMED, *DROPPED})
    if "task_id" not in given or not old:
        return None
    taken = _own_parameters(reader, call)
    if taken is None:
        plan.note(
            reader.line(call),
            f"{', '.join(old)} is left: old, unless {reader.text(call.func)} takes it itself.",
        )
        return None
    return None if taken & set(old) else RENAMED


def _own_parameters(reader: Reader, call: cst.Call) -> set[str] | None:
    """What the `__init__` of a class in this file takes; None for a class that is elsewhere."""
    for made in reader.all(cst.ClassDef):
        if isinstance(call.func, cst.Name) and made.name.value == call.func.value:
            return {
                parameter.name.value
                for function in made.body.body
                if isinstance(function, cst.FunctionDef) and function.name.value == "__init__"
                for parameter in (*function.params.params, *function.params.kwonly_params)
            }
    return None


def _default_args(reader: Reader) -> Iterator[Any]:
    """Each dict that is given as default_args, or is bound to that name."""
    found: dict[cst.CSTNode, None] = {}
    for arg in reader.all(cst.Arg):
        if arg.keyword is not None and arg.keyword.value == "default_args":
            found[reader.value_of(arg.value)] = None
    for assign in reader.all(cst.Assign):
        if any(_is_default_args(target.target) for target in assign.targets):
            found[assign.value] = None
    for node in found:
        if isinstance(node, cst.Dict) or (isinstance(node, cst.Call) and dict_call(node)):
            yield node


def _is_default_args(target: cst.CSTNode) -> bool:
    return isinstance(target, cst.Name) and target.value == "default_args"
