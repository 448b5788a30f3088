"""One work order, executed: from the task in its DAG to the outcome, exactly as Airflow maps it."""

import functools
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from tradewind.core.errors import UserError
from tradewind.core.protocol import (
    Deferred,
    Failed,
    Finished,
    GetInactiveAssets,
    InactiveAssetsReply,
    Outcome,
    Rescheduled,
    Resume,
    SetRenderedFields,
    SetXCom,
    Skipped,
    Started,
    Succeeded,
    WorkOrder,
    XComValue,
)
from tradewind.runner.callbacks import as_list, callbacks_for, outcome_state, run_all
from tradewind.runner.callbacks import call_with_context as call
from tradewind.runner.channel import HostChannel
from tradewind.runner.logs import LogFile, writable
from tradewind.runner.rendered import rendered_fields, says_something
from tradewind.runner.task_instance import RETURN_VALUE, TaskInstance
from tradewind.runner.wire import Connection, encode
from tradewind.sdk import serde
from tradewind.sdk.baseoperator import TRIGGER_FAILED, TRIGGER_TIMEOUT, BaseOperator
from tradewind.sdk.context import running_in
from tradewind.sdk.exceptions import (
    AirflowFailException,
    AirflowInactiveAssetInInletOrOutletException,
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTerminated,
    AirflowTaskTimeout,
    DownstreamTasksSkipped,
    TaskDeferred,
    UnmappableXComTypePushed,
    XComForMappingNotPushed,
)
from tradewind.sdk.task_environment import context_to_airflow_vars

if TYPE_CHECKING:
    from tradewind.sdk.operator import AbstractOperator

_LONGEST_MAPPING = 1024
"""Items, as Airflow's default of `core.max_map_length`."""

_LONGEST_MESSAGE = 2000
_RUNNER = os.path.dirname(__file__)


class Attempt:
    """The process's only one. `run` returns when everything is said and done."""

    def __init__(
        self, order: WorkOrder, task: "AbstractOperator", connection: Connection, log: LogFile
    ) -> None:
        self._order = order
        self._connection = connection
        self.channel = HostChannel(connection)
        self._log = log
        self._pid = os.getpid()
        self._terminated = False
        self.ti = TaskInstance(order, task, self.channel)
        self.context = self.ti.context

    @property
    def task(self) -> Any:
        return self.ti.task

    def run(self) -> None:
        """Execute, report, call back. Does not return when the process was told to stop."""
        began = time.perf_counter()
        signal.signal(signal.SIGTERM, self._on_sigterm)
        self._connection.send(
            Started(
                attempt_id=self._order.attempt_id,
                pid=self._pid,
                hostname=self.ti.hostname,
                started_at=self.ti.start_date,
            )
        )
        outcome, error = self._outcome()
        if os.getpid() != self._pid:
            os._exit(0)  # a child that user code has forked came back; the report is its parent's
        if self._terminated and isinstance(outcome, Failed):
            self._die()
        self.ti.end_date = datetime.now(UTC)
        self.ti.state = outcome_state(outcome, self._order.try_number, self._order.max_tries)
        self.context["exception"] = error
        self._push_extra_links()
        callbacks = callbacks_for(self.task, self.ti.state)
        seconds = time.perf_counter() - began
        self._log.phase(f"Finished: {self.ti.state}", phase="finish", seconds=round(seconds, 6))
        self._connection.send(
            Finished(
                attempt_id=self._order.attempt_id,
                outcome=outcome,
                callbacks_follow=bool(callbacks),
                finished_at=self.ti.end_date,
            )
        )
        with running_in(self.context):  # type: ignore[arg-type]  # a TypedDict is a dict at run time
            run_all(callbacks, self.context, self.ti.log)

    # --- from exceptions to outcomes ---------------------------------------------------------

    def _outcome(self) -> tuple[Outcome, BaseException | None]:
        try:
            return _sendable(self._work()), None
        except BaseException as raised:
            error = raised
        try:
            outcome, cause = self._outcome_of(error)
            return _sendable(outcome), cause
        except BaseException as second:  # a handler failed, say on a value that cannot be stored
            return self._failed(second), second

    def _work(self) -> Outcome:
        with running_in(self.context):  # type: ignore[arg-type]  # a TypedDict is a dict at run time
            self._prepare()
            if (waiting := self._begun_in_trigger()) is not None:
                return waiting
            try:
                result = self._execute()
            except Exception:
                self._render_map_index(suppress=True)
                raise
            self._render_map_index(suppress=False)
            return self._succeeded(self._result_xcoms(result))

    def _outcome_of(self, error: BaseException) -> tuple[Outcome, BaseException | None]:
        label = self.ti.rendered_map_index
        match error:
            case DownstreamTasksSkipped():
                ids = [task if isinstance(task, str) else task[0] for task in error.tasks]
                self.ti.log.info("Skipping downstream tasks: %s", ", ".join(ids))
                return self._succeeded(self._result_xcoms(error.result), skip=ids), None
            case TaskDeferred():
                return self._deferred(error), None
            case AirflowSkipException():
                reason = writable(str(error))
                self.ti.log.info("Skipping task. %s", reason)
                return Skipped(message=reason[:_LONGEST_MESSAGE], rendered_map_index=label), None
            case AirflowRescheduleException():
                self.ti.log.info("Rescheduling task to %s", error.reschedule_date)
                return Rescheduled(at=error.reschedule_date), None
        return self._failed(error), error

    def _succeeded(self, xcoms: list[XComValue], skip: list[str] | None = None) -> Succeeded:
        return Succeeded(
            xcoms=xcoms,
            outlet_events=self._outlet_events(),
            skip=skip or [],
            rendered_map_index=self.ti.rendered_map_index,
        )

    def _outlet_events(self) -> list[Any]:
        if not self.task.outlets:
            return []
        from tradewind.runner.accessors import outlet_events

        return outlet_events(self.task.outlets, self.context["outlet_events"], self.ti.run)

    def _deferred(self, deferral: TaskDeferred) -> Deferred:
        classpath, kwargs = deferral.trigger.serialize()
        self.ti.log.info("Deferring until %s fires", classpath)
        return Deferred(
            trigger_classpath=classpath,
            trigger_kwargs=_encoded(kwargs),
            method=deferral.method_name,
            kwargs=_encoded(deferral.kwargs),
            timeout_seconds=_seconds(deferral.timeout),
            rendered_map_index=self.ti.rendered_map_index,
        )

    def _begun_in_trigger(self) -> Deferred | None:
        """For a task with `start_from_trigger`, which defers before anything of its own runs."""
        start = self.task.start_trigger_args
        if not self.task.start_from_trigger or start is None or self._order.resume is not None:
            return None
        self.ti.log.info("Starting in the trigger %s", start.trigger_cls)
        return Deferred(
            trigger_classpath=start.trigger_cls,
            trigger_kwargs=_encoded(start.trigger_kwargs),
            method=start.next_method,
            kwargs=_encoded(start.next_kwargs),
            timeout_seconds=_seconds(start.timeout),
            rendered_map_index=self.ti.rendered_map_index,
        )

    def _failed(self, error: BaseException) -> Failed:
        if isinstance(error, SystemExit):
            self.ti.log.error("Task exited with code %s", error.code)
        else:
            frames = _users_frames(error.__traceback__, self._order.source.root)
            where = (type(error), error, frames)
            self.ti.log.error("Task failed with exception", exc_info=where)
        retryable = not isinstance(
            error, AirflowFailException | AirflowSensorTimeout | AirflowTaskTerminated
        )
        delay: float | None = None
        if retryable:
            retryable, delay = self._ask_retry_policy(error)
        message = writable(self._log.mask.mask(str(error)))
        return Failed(
            error_type=type(error).__name__,
            message=message[:_LONGEST_MESSAGE],
            retryable=retryable,
            retry_delay_seconds=delay,
            rendered_map_index=self.ti.rendered_map_index,
        )

    def _ask_retry_policy(self, error: BaseException) -> tuple[bool, float | None]:
        """Whether to retry, and after how long; without a policy, or when it breaks, the usual."""
        policy = getattr(self.task, "retry_policy", None)
        if policy is None:
            return True, None
        try:
            decision = policy.evaluate(
                exception=error,
                try_number=self.ti.try_number,
                max_tries=self.ti.max_tries,
                context=self.context,
            )
            action = decision.action.value
        except Exception:
            self.ti.log.exception("The retry policy failed; retrying as usual")
            return True, None
        if decision.reason:
            self.ti.log.info("Retry policy says %s: %s", action, decision.reason)
        if action == "fail":
            return False, None
        return True, _seconds(decision.retry_delay) if action == "retry" else None

    # --- before, while and after the user's code runs ----------------------------------------

    def _prepare(self) -> None:
        """Unmap and render; what cannot be rendered fails the task like its own code."""
        if self.ti.is_mapped:
            self.ti.task = self.task.for_instance(self.context)
        self.context["task"] = self.task
        if self.task.inlets or self.task.outlets:
            self._refuse_inactive_assets()
        if self.task.params or self.ti.run.conf:
            _ = self.context["params"]  # a value that its schema refuses fails the task here
        self.task.resolve_template_files()
        if self.task.template_fields:
            self.task.render_template_fields(self.context)
            self._show_rendered_fields()
        self._render_map_index(suppress=True)

    def _refuse_inactive_assets(self) -> None:
        """An asset whose name or URI another one has would make events that nobody awaits."""
        from tradewind.sdk.assets import AssetUniqueKey

        asked = GetInactiveAssets(dag_id=self.ti.dag_id, task_id=self.ti.task_id)
        reply = self.channel.request(asked)
        if isinstance(reply, InactiveAssetsReply) and reply.assets:
            keys = [AssetUniqueKey(name=name, uri=uri) for name, uri in reply.assets]
            raise AirflowInactiveAssetInInletOrOutletException(keys)

    def _show_rendered_fields(self) -> None:
        fields = rendered_fields(self.task)
        if says_something(fields):
            attempt_id = self._order.attempt_id
            self.channel.tell(SetRenderedFields(attempt_id=attempt_id, fields=fields))

    def _render_map_index(self, *, suppress: bool) -> None:
        """The label of a mapped instance; rendered before and after, as user code may add names."""
        template = self.context.get("map_index_template")
        if template is None:
            return
        try:
            from tradewind.sdk.templater import render

            env = self.task.get_template_env()
            self.ti.rendered_map_index = str(render(env.from_string(template), self.context))
        except Exception:
            if not suppress:
                raise

    def _execute(self) -> Any:
        task, context = self.task, self.context
        os.environ.update(context_to_airflow_vars(context, in_env_var_format=True))
        if task._pre_execute_hook is not None:
            call(task._pre_execute_hook, context)
        if _overridden(task, "pre_execute"):
            call(task.pre_execute, context)
        run_all(as_list(task.on_execute_callback), context, self.ti.log)
        with self._time_limit():
            result = self._execute_callable()(context=context)
        if task._post_execute_hook is not None:
            call(task._post_execute_hook, context, result)
        if _overridden(task, "post_execute"):
            call(task.post_execute, context)
        if getattr(task, "overwrite_rtif_after_execution", False):
            self._show_rendered_fields()
        return result

    def _execute_callable(self) -> Any:
        resume = self._order.resume
        if resume is None:
            return self.task.execute
        method, kwargs = resume_arguments(resume)
        return functools.partial(self.task.resume_execution, next_method=method, next_kwargs=kwargs)

    @contextmanager
    def _time_limit(self) -> Iterator[None]:
        """`execution_timeout` by SIGALRM: interrupts Python code and system calls."""
        limit = _seconds(self.task.execution_timeout)
        if limit is None:
            yield
            return

        def expired(*_: Any) -> NoReturn:
            raise AirflowTaskTimeout(f"execution_timeout of {limit} seconds is over")

        signal.signal(signal.SIGALRM, expired)
        try:
            if limit <= 0:
                expired()
            signal.setitimer(signal.ITIMER_REAL, limit)
            try:
                yield
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except AirflowTaskTimeout:
            self.task.on_kill()
            raise

    # --- results -----------------------------------------------------------------------------

    def _result_xcoms(self, result: Any) -> list[XComValue]:
        value = result if self.task.do_xcom_push else None
        mapped_over = not self.ti.is_mapped and is_mapped_over(self.task)
        if value is None:
            if mapped_over:
                raise XComForMappingNotPushed()
            return []
        length = mappable_length(value) if mapped_over else None
        parts = _parts(value) if self.task.multiple_outputs else {}
        xcoms = [XComValue(key=key, value=serde.encode(part)) for key, part in parts.items()]
        xcoms.append(XComValue(key=RETURN_VALUE, value=serde.encode(value), length=length))
        return xcoms

    def _push_extra_links(self) -> None:
        for link in self.task.operator_extra_links or ():
            try:
                url = link.get_link(operator=self.task, ti_key=self.ti)
                attempt_id = self._order.attempt_id
                self.channel.request(SetXCom(attempt_id=attempt_id, key=link.xcom_key, value=url))
            except Exception:
                self.ti.log.exception("Operator link %r has no address", link.name)

    # --- being told to stop ------------------------------------------------------------------

    def _on_sigterm(self, *_: Any) -> None:
        if os.getpid() != self._pid:  # a child that the task forked
            os._exit(128 + signal.SIGTERM)
        if self._terminated:
            return
        self._terminated = True
        self._log.phase("SIGTERM received: on_kill, then the end", phase="terminate")
        try:
            self.task.on_kill()
        except Exception:
            self.ti.log.exception("on_kill failed")
        raise AirflowTaskTerminated("Task received SIGTERM signal")

    def _die(self) -> NoReturn:
        """End by the signal, so that whoever waits sees why; the executor's verdict counts."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(self._pid, signal.SIGTERM)
        os._exit(128 + signal.SIGTERM)


def _users_frames(traceback: TracebackType | None, root: str) -> TracebackType | None:
    """From the first frame in the bundle on, or else the first that is not the runner's."""
    outside: TracebackType | None = None
    frames = traceback
    while frames is not None:
        file = frames.tb_frame.f_code.co_filename
        if file.startswith(root):
            return frames
        if outside is None and not file.startswith(_RUNNER):
            outside = frames
        frames = frames.tb_next
    return outside or traceback


def _sendable(outcome: Outcome) -> Outcome:
    """The outcome, if it can be sent: text that is not valid Unicode fails the task."""
    encode(outcome)
    return outcome


def _overridden(task: Any, name: str) -> bool:
    return getattr(getattr(task, name), "__func__", None) is not getattr(BaseOperator, name)


def _encoded(values: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: serde.encode(value) for name, value in (values or {}).items()}


def _seconds(value: Any) -> float | None:
    """Of a timedelta or a number."""
    if value is None:
        return None
    return float(value.total_seconds() if hasattr(value, "total_seconds") else value)


def resume_arguments(resume: Resume) -> tuple[str, dict[str, Any]]:
    """Method and keyword arguments that a deferred task goes on with."""
    if resume.timed_out:
        return TRIGGER_FAILED, {"error": TRIGGER_TIMEOUT}
    if resume.trigger_error is not None:
        lines = resume.trigger_error.splitlines()
        return TRIGGER_FAILED, {"error": "Trigger failure", "traceback": lines}
    kwargs = {name: serde.decode(value) for name, value in resume.kwargs.items()}
    return resume.method, {**kwargs, "event": serde.decode(resume.event)}


def is_mapped_over(task: Any) -> bool:
    """Whether the number of some task's or group's instances comes from this task's result."""
    for child in task.downstream_list:
        if child.is_mapped and task.task_id in _ids(child.iter_mapped_dependencies()):
            return True
        for group in child.iter_mapped_task_groups():
            if task.task_id in _ids(group.iter_mapped_dependencies()):
                return True
    return False


def _ids(tasks: Any) -> set[str]:
    return {task.task_id for task in tasks}


def mappable_length(value: Any) -> int:
    """Of a list, tuple or dict. Raises for anything else, and for too many items."""
    from collections.abc import Sequence

    if isinstance(value, str | bytes | bytearray) or not isinstance(value, Mapping | Sequence):
        raise UnmappableXComTypePushed(value)
    if len(value) > _LONGEST_MAPPING:
        raise UserError(
            f"The result has {len(value)} items and is mapped over; at most {_LONGEST_MAPPING} are "
            "allowed. Return fewer, larger items."
        )
    return len(value)


def _parts(value: Any) -> Mapping[str, Any]:
    """For `multiple_outputs`: an XCom for each entry of the returned dictionary."""
    if not isinstance(value, Mapping):
        raise TypeError(
            f"Returned output was type {type(value)} expected dictionary for multiple_outputs"
        )
    for key in value:
        if not isinstance(key, str):
            raise TypeError(
                "Returned dictionary keys must be strings when using multiple_outputs, "
                f"found {key} ({type(key)}) instead"
            )
    return value
