"""Params of a run: defaults of DAG and task, what the run's conf says, checked by JSON schema."""

import json
from collections.abc import Mapping

from tradewind.core.dag import Json, ParamSpec
from tradewind.core.errors import UserError


def resolve(
    dag_params: Mapping[str, ParamSpec],
    task_params: Mapping[str, ParamSpec],
    conf: Mapping[str, Json],
) -> dict[str, Json]:
    """The values that a task sees: conf before the task's own params before the DAG's.

    Keys of conf that no param declares pass through; a None given there stands. Raises `UserError`
    that lists every param whose value its schema refuses.
    """
    specs = {**dag_params, **task_params}
    values = {name: spec.default for name, spec in specs.items() if spec.has_default} | dict(conf)
    problems = []
    for name in [*specs, *(name for name in conf if name not in specs)]:
        spec = specs.get(name)
        if name not in values:
            reason: str | None = "No value passed"
        else:
            reason = problem(values[name], spec.schema if spec else {})
        if reason is not None:
            problems.append(f"Invalid input for param {name}: {reason}")
    if problems:
        raise UserError(
            "\n\n".join(problems), hint="Correct these values in the run's conf, or the defaults."
        )
    return {name: values[name] for name in [*specs, *values]}


def validate_conf(dag_params: Mapping[str, ParamSpec], conf: Mapping[str, Json]) -> None:
    """Whether a run of the DAG may be created with that conf; raises as `resolve` does."""
    resolve(dag_params, {}, conf)


def problem(value: Json, schema: Mapping[str, Json]) -> str | None:
    """What is wrong with a value, with the part of the schema that it breaks; None: nothing.

    Raises `UserError` for a schema that is none.
    """
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return (
            "All provided parameters must be json-serializable. "
            f"The value '{value}' is not serializable."
        )
    if not schema:
        return None
    try:
        return breach(value, schema)
    except BadSchema as error:
        raise UserError(
            f"The schema {dict(schema)} is not valid JSON schema: {error}",
            hint="Correct the param's arguments in the DAG file.",
        ) from None


class BadSchema(Exception):
    """It is no JSON schema, or refers to what is not in it."""


def breach(value: Json, schema: Mapping[str, Json]) -> str | None:
    """How a value breaks the schema; None: it does not. Raises `BadSchema`.

    A `$ref` leads nowhere but into the schema itself: nothing is fetched from the network.
    """
    # Not before it is needed: most tasks have no schema to check, and the import takes a while.
    from jsonschema import FormatChecker, SchemaError, ValidationError, validate
    from referencing import Registry

    try:
        validate(value, schema, format_checker=FormatChecker(), registry=Registry())
    except ValidationError as error:
        return str(error)
    except SchemaError as error:
        raise BadSchema(error.message) from None
    except Exception as error:  # a pattern, a $ref, a $schema: each fails in a way of its own
        raise BadSchema(f"{type(error).__name__}: {error}") from error
    return None
