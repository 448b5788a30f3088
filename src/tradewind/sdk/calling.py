"""Calling a user's function with the part of the task's context that it asks for."""

from __future__ import annotations

import functools
import inspect
from collections import ChainMap
from collections.abc import Callable, Collection, Mapping
from typing import Any

from tradewind.sdk.context import CONTEXT_KEYS, LEGACY_CONTEXT_KEYS


def determine_kwargs(
    function: Callable[..., Any], args: Collection[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Those of `kwargs` that `function` takes beside the positional `args`.

    A function with ``**kwargs`` takes them all. Raises ValueError when a positional argument has
    the name of a given keyword, since one of the two would be lost.
    """
    parameters = inspect.signature(function).parameters
    for _, (name, parameter) in zip(args, parameters.items(), strict=False):
        if parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_KEYWORD):
            continue
        if name in kwargs:
            raise ValueError(
                f"The key {name!r} in args is a part of kwargs and therefore reserved."
            )
    if any(p.kind == p.VAR_KEYWORD for p in parameters.values()):
        return dict(kwargs)
    return {name: kwargs[name] for name in parameters if name in kwargs}


def unwrapped(function: Any) -> Any:
    """The plain function below partials, decorators and @task."""
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif getattr(function, "is_task_decorator", False):
            function = function.function
        else:
            break
    return inspect.unwrap(function) if callable(function) else function


def is_async_callable(function: Any) -> bool:
    """Whether calling gives a coroutine: `async def`, also behind partials and `__call__`."""
    function = unwrapped(function)
    if inspect.iscoroutinefunction(function):
        return True
    return (
        callable(function)
        and not inspect.isfunction(function)
        and inspect.iscoroutinefunction(type(function).__call__)
    )


def call(
    function: Callable[..., Any],
    op_args: Collection[Any],
    op_kwargs: Mapping[str, Any],
    context: Mapping[str, Any],
) -> Any:
    """Call `function(*op_args, **op_kwargs)` plus the context entries it names; await a coroutine.

    Explicit `op_kwargs` win over context entries of the same name.
    """
    kwargs = determine_kwargs(function, op_args, ChainMap({**op_kwargs}, context))  # type: ignore[arg-type]  # read only
    result = function(*op_args, **kwargs)
    if inspect.iscoroutine(result):
        import asyncio

        return asyncio.run(result)
    return result


def signature_for_binding(function: Callable[..., Any]) -> tuple[inspect.Signature, frozenset[str]]:
    """The signature with context parameters made optional, since they are filled in at run time.

    Python wants parameters with defaults last, so later ones get a default too; the second result
    names those, which the caller still has to give. Raises ValueError for a context parameter whose
    default is not None: one could not tell which of the two values was meant.
    """
    signature = inspect.signature(function)
    parameters: list[inspect.Parameter] = []
    still_required: set[str] = set()
    seen_default = False
    for parameter in signature.parameters.values():
        positional = parameter.kind in (
            parameter.POSITIONAL_ONLY,
            parameter.POSITIONAL_OR_KEYWORD,
        )
        has_default = parameter.default is not parameter.empty
        variadic = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if parameter.name in CONTEXT_KEYS and not variadic:
            if has_default and parameter.default is not None:
                raise ValueError(
                    f"Context key parameter {parameter.name} can't have a default other than None"
                )
            parameter = parameter.replace(default=None)
        elif parameter.name in LEGACY_CONTEXT_KEYS and not has_default:
            parameter = parameter.replace(default=None)
        elif positional and not has_default and seen_default:
            still_required.add(parameter.name)
            parameter = parameter.replace(default=None)
        seen_default = seen_default or (positional and parameter.default is not parameter.empty)
        parameters.append(parameter)
    return signature.replace(parameters=parameters), frozenset(still_required)


def check_binding(
    function: Callable[..., Any], op_args: Collection[Any], op_kwargs: Mapping[str, Any]
) -> None:
    """Raises TypeError when the call could not work at run time, whatever the context holds."""
    signature, still_required = signature_for_binding(function)
    bound = signature.bind(*op_args, **op_kwargs)
    missing = sorted(still_required.difference(bound.arguments))
    if missing:
        raise TypeError(f"missing required argument(s): {', '.join(missing)}")
