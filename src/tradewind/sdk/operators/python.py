"""A Python function as a task, and what its answer may decide."""

from __future__ import annotations

import inspect
from collections import ChainMap
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from tradewind.sdk.baseoperator import BaseOperator
from tradewind.sdk.calling import determine_kwargs, is_async_callable
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.operators.branch import BaseBranchOperator
from tradewind.sdk.operators.skip import SkipMixin, answering


class PythonOperator(BaseOperator):
    """Calls `python_callable(*op_args, **op_kwargs)` and keeps what it returns.

    Parameters that the function names, or all of them for ``**kwargs``, are filled in from the
    task's context; `op_kwargs` go before. A coroutine is awaited. A generator may yield `Metadata`
    of its outlets; its return value counts.

    templates_dict: rendered, and handed over under that name. `templates_exts`: which of its
    values are template files.
    """

    template_fields: Sequence[str] = ("templates_dict", "op_args", "op_kwargs")
    template_fields_renderers: ClassVar[Mapping[str, str]] = {
        "templates_dict": "json",
        "op_args": "py",
        "op_kwargs": "py",
    }
    ui_color = "#ffefeb"
    shallow_copy_attrs: Sequence[str] = ("python_callable", "op_kwargs")

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        templates_dict: dict[str, Any] | None = None,
        templates_exts: Sequence[str] | None = None,
        show_return_value_in_logs: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not callable(python_callable):
            raise AirflowException(
                f"`python_callable` param must be callable; task {self.task_id!r} got "
                f"{python_callable!r}"
            )
        self.python_callable = python_callable
        self.op_args = op_args or ()
        self.op_kwargs = op_kwargs or {}
        self.templates_dict = templates_dict
        if templates_exts:
            self.template_ext = templates_exts
        self.show_return_value_in_logs = show_return_value_in_logs

    @property
    def is_async(self) -> bool:
        return is_async_callable(self.python_callable)

    def execute(self, context: Any) -> Any:
        given = {**self.op_kwargs, "templates_dict": self.templates_dict}
        known = ChainMap(given, context)  # so that the context stays lazy
        self.op_kwargs = self.determine_kwargs(known)
        self._outlet_events = context.get("outlet_events")
        value = self.execute_callable()
        if self.show_return_value_in_logs:
            self.log.info("Done. Returned value was: %s", value)
        else:
            self.log.info("Done. Returned value not shown")
        return value

    def determine_kwargs(self, context: Mapping[str, Any]) -> Mapping[str, Any]:
        return determine_kwargs(self.python_callable, self.op_args, context)

    def execute_callable(self) -> Any:
        """Call the function; `op_kwargs` are by now all that it is to get."""
        answer = self.python_callable(*self.op_args, **self.op_kwargs)
        if inspect.isgeneratorfunction(self.python_callable):
            return self._exhaust(answer)
        if inspect.iscoroutine(answer):
            import asyncio  # few functions are, and importing it takes time

            return asyncio.run(answer)
        return answer

    def _exhaust(self, generator: Any) -> Any:
        """What the generator returns; each `Metadata` that it yields goes to its asset's event."""
        from tradewind.sdk import Metadata

        while True:
            try:
                yielded = next(generator)
            except StopIteration as end:
                return end.value
            if not isinstance(yielded, Metadata):
                self.log.warning("Ignoring unknown data of %r received from task", type(yielded))
                continue
            self._outlet_events[yielded.asset].extra.update(yielded.extra)
            if yielded.alias:
                self._outlet_events[yielded.alias].add(yielded.asset, extra=yielded.extra)


class BranchPythonOperator(BaseBranchOperator, PythonOperator):
    """Follows the tasks or groups that the function names, and skips the other children."""

    def choose_branch(self, context: Any) -> str | Iterable[str] | None:
        return PythonOperator.execute(self, context)  # type: ignore[no-any-return]


class ShortCircuitOperator(PythonOperator, SkipMixin):
    """Goes on only when the function's answer is true.

    Otherwise all tasks downstream are skipped, whatever their trigger rules; with
    `ignore_downstream_trigger_rules=False` only the direct children are, and rules decide the rest.
    Teardowns are never skipped.
    """

    inherits_from_skipmixin = True

    def __init__(self, *, ignore_downstream_trigger_rules: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ignore_downstream_trigger_rules = ignore_downstream_trigger_rules

    def execute(self, context: Any) -> Any:
        answer = super().execute(context)
        if not answer:
            everything = self.ignore_downstream_trigger_rules is True
            with answering(context["ti"], answer):
                self.skip(context["ti"], tasks_behind(context["task"], everything=everything))
        return answer


def tasks_behind(task: Any, *, everything: bool) -> list[Any]:
    """The task's direct children, or `everything` downstream; without teardowns."""
    if everything:
        relatives = task.get_flat_relatives(upstream=False)
    else:
        relatives = task.get_direct_relatives(upstream=False)
    return [relative for relative in relatives if not relative.is_teardown]


def get_current_context() -> Any:
    """The running task's context; `tradewind.sdk.get_current_context`."""
    from tradewind.sdk.context import get_current_context as current

    return current()
