"""Callbacks and notifiers: a task's own at the end of its attempt, and those that are ordered."""

import inspect
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from tradewind.core.errors import NotFound
from tradewind.core.protocol import (
    CallbackOrder,
    Deferred,
    Failed,
    Outcome,
    Rescheduled,
    Skipped,
    Succeeded,
    WorkOrder,
)
from tradewind.core.states import TaskInstanceState
from tradewind.runner.context import TaskContext
from tradewind.runner.failure_mail import mail_the_error, wants_mail
from tradewind.runner.task_instance import DagRun, TaskInstance
from tradewind.sdk.comms import Channel
from tradewind.sdk.context import running_in

if TYPE_CHECKING:
    from tradewind.sdk.dag import DAG


def outcome_state(outcome: Outcome, try_number: int, max_tries: int) -> TaskInstanceState:
    """The state that the outcome leads to, as callbacks are told."""
    match outcome:
        case Succeeded():
            return TaskInstanceState.SUCCESS
        case Skipped():
            return TaskInstanceState.SKIPPED
        case Deferred():
            return TaskInstanceState.DEFERRED
        case Rescheduled():
            return TaskInstanceState.UP_FOR_RESCHEDULE
        case Failed(retryable=True) if try_number <= max_tries:
            return TaskInstanceState.UP_FOR_RETRY
        case Failed():
            return TaskInstanceState.FAILED


_ATTRIBUTES = {
    TaskInstanceState.SUCCESS: "on_success_callback",
    TaskInstanceState.SKIPPED: "on_skipped_callback",
    TaskInstanceState.UP_FOR_RETRY: "on_retry_callback",
    TaskInstanceState.FAILED: "on_failure_callback",
}


def callbacks_for(task: Any, state: TaskInstanceState) -> Sequence[Any]:
    """What is to be called at this end of an attempt: the task's own callbacks, then the mail."""
    name = _ATTRIBUTES.get(state)
    own = as_list(getattr(task, name, None)) if name else []
    return [*own, mail_the_error] if wants_mail(task, state) else own


def as_list(callbacks: Any) -> list[Any]:
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, list | tuple | set) else [callbacks]


def run_all(callbacks: Sequence[Any], context: TaskContext, log: Any) -> list[str]:
    """Call each with the context. One that raises is logged and stops none; returns the errors."""
    errors = []
    for callback in callbacks:
        try:
            call_with_context(callback, context)
        except Exception as error:
            name = getattr(callback, "__qualname__", None) or type(callback).__qualname__
            log.exception("Callback %s failed", name)
            errors.append(f"{name}: {type(error).__name__}: {error}")
    return errors


def call_with_context(function: Any, context: TaskContext, *args: Any) -> Any:
    """Call it; of a generator, take the asset metadata that it yields; await a coroutine."""
    result = function(context, *args)
    if inspect.iscoroutine(result):
        import asyncio

        return asyncio.run(result)
    if inspect.isgenerator(result):
        yielded: Iterable[Any] = result
        for metadata in yielded:
            accessor = context["outlet_events"][metadata.asset]
            accessor.extra.update(metadata.extra)
            if metadata.alias is not None:
                context["outlet_events"][metadata.alias].add(metadata.asset, extra=metadata.extra)
        return None
    return result


def run_ordered(order: CallbackOrder, dag: "DAG", channel: Channel, log: Any) -> str | None:
    """Carry out a `CallbackOrder`; returns what went wrong, or None. Raises NotFound."""
    errors: list[str] = []
    for kind in order.kinds:
        if kind.startswith("deadline:"):
            errors += _run_deadline(order, dag, int(kind.partition(":")[2]), channel, log)
        elif order.task_id is not None:
            errors += _run_task_callbacks(order, dag, kind, channel, log)
        else:
            context = _dag_context(order, dag, channel)
            with running_in(context):  # type: ignore[arg-type]  # a TypedDict is a dict at run time
                errors += run_all(as_list(getattr(dag, f"{kind}_callback", None)), context, log)
    return "; ".join(errors) or None


def _run_task_callbacks(
    order: CallbackOrder, dag: "DAG", kind: str, channel: Channel, log: Any
) -> list[str]:
    context = _context(order, dag, str(order.task_id), channel)
    context["exception"] = order.reason or None
    states = {name: state for state, name in _ATTRIBUTES.items()}
    ti, name = context["ti"], f"{kind}_callback"
    ti.state = states[name]
    with running_in(context):  # type: ignore[arg-type]  # a TypedDict is a dict at run time
        return run_all(callbacks_for(ti.task, ti.state), context, log)


def _dag_context(order: CallbackOrder, dag: "DAG", channel: Channel) -> TaskContext:
    """A DAG's callbacks get the context of one of its last tasks, as Airflow's do.

    Of a DAG without tasks there are only the run's own entries.
    """
    last = [task.task_id for task in dag.tasks if not task.downstream_task_ids]
    if last:
        context = _context(order, dag, last[0], channel)
    else:
        run = {"dag": dag, "dag_run": DagRun(order.run, dag), "run_id": order.run.run_id}
        context = TaskContext(run, {})
    context["reason"] = order.reason
    return context


def _context(order: CallbackOrder, dag: "DAG", task_id: str, channel: Channel) -> TaskContext:
    if task_id not in dag.task_dict:
        raise NotFound(f"DAG {dag.dag_id!r} has no task {task_id!r} to run callbacks for.")
    work = WorkOrder(
        attempt_id=0,
        task_instance_id=0,
        source=order.source,
        run=order.run,
        task_id=task_id,
        map_index=order.map_index,
        try_number=order.try_number,
        max_tries=order.max_tries,
    )
    return TaskInstance(work, dag.task_dict[task_id], channel).context


def _run_deadline(
    order: CallbackOrder, dag: "DAG", index: int, channel: Channel, log: Any
) -> list[str]:
    """A missed deadline's callback gets its own arguments, and the run as `context`."""
    alerts = as_list(dag.deadline)
    if index >= len(alerts):
        raise NotFound(f"DAG {dag.dag_id!r} has no deadline number {index}.")
    callback = alerts[index].callback
    context = _dag_context(order, dag, channel)

    def call(context: TaskContext) -> Any:
        function, kwargs = callback.resolve(), dict(callback.kwargs or {})
        if "context" in inspect.signature(function).parameters:
            kwargs["context"] = context
        result = function(**kwargs)
        if inspect.iscoroutine(result):
            import asyncio

            return asyncio.run(result)
        return result(context) if hasattr(result, "notify") else result

    with running_in(context):  # type: ignore[arg-type]  # a TypedDict is a dict at run time
        return run_all([call], context, log)
