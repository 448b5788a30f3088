"""Start a run of another DAG, and maybe wait for it."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from tradewind.core.errors import Conflict
from tradewind.core.protocol import DagReply, DagRunReply, GetDag, GetDagRun, TriggerDagRun
from tradewind.core.states import DagRunState
from tradewind.sdk.asking import ask
from tradewind.sdk.authoring import NOTSET, ArgNotSet
from tradewind.sdk.baseoperator import BaseOperator
from tradewind.sdk.configuration import default_deferrable
from tradewind.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
)
from tradewind.sdk.old_names import note_old_name
from tradewind.sdk.timezone import parse, utcnow
from tradewind.sdk.triggers.external_task import DagStateTrigger

XCOM_RUN_ID = "trigger_run_id"

Moment = str | datetime.datetime | None | ArgNotSet


class DagIsPaused(AirflowException):
    """The DAG to trigger is paused, and `fail_when_dag_is_paused` says that this is an error."""

    def __init__(self, dag_id: str) -> None:
        super().__init__(f"Dag {dag_id} is paused")
        self.dag_id = dag_id


@dataclass
class DagRunOrder:
    """What Airflow 1 hands to `python_callable`: the run to be made."""

    run_id: str | None = None
    payload: dict[str, Any] | None = None


class TriggerDagRunOperator(BaseOperator):
    """Starts a run of `trigger_dag_id`; its id is pushed as XCom ``trigger_run_id``.

    trigger_run_id, conf, note: of the new run.
    logical_date: of the new run; now, if it is not given. None: the run has none.
    run_after: before this the run does not begin; given alone, the run has no logical date.
    reset_dag_run: a run of that id or date is cleared and runs again, instead of an error;
        skip_when_already_exists: then this task is skipped.
    wait_for_completion: wait, looking each `poke_interval` seconds, until the run's state is one
        of `allowed_states` (default success), or of `failed_states` (default failed): then fail.
        With `deferrable`, the triggerer waits.
    fail_when_dag_is_paused: a paused DAG is an error; otherwise its run waits to be unpaused.
    python_callable: as in Airflow 1, called with the context and a `DagRunOrder`; what it returns
        says the new run's id and conf, None that there shall be none.
    """

    template_fields: Sequence[str] = (
        "trigger_dag_id",
        "trigger_run_id",
        "logical_date",
        "conf",
        "wait_for_completion",
        "skip_when_already_exists",
    )
    template_fields_renderers: ClassVar[Mapping[str, str]] = {"conf": "py"}
    ui_color = "#ffefeb"

    def __init__(
        self,
        *,
        trigger_dag_id: str,
        trigger_run_id: str | None = None,
        conf: dict[str, Any] | None = None,
        logical_date: Moment = NOTSET,
        run_after: Moment = NOTSET,
        execution_date: Moment = NOTSET,
        reset_dag_run: bool = False,
        wait_for_completion: bool = False,
        poke_interval: int = 60,
        allowed_states: list[str] | None = None,
        failed_states: list[str] | None = None,
        skip_when_already_exists: bool = False,
        fail_when_dag_is_paused: bool = False,
        note: str | None = None,
        deferrable: bool | None = None,
        openlineage_inject_parent_info: bool = True,
        python_callable: Callable[[Any, DagRunOrder], DagRunOrder | None] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if execution_date is not NOTSET:
            note_old_name("The argument execution_date is now called logical_date.")
            logical_date = execution_date
        if python_callable is not None:
            note_old_name(
                "The argument python_callable is Airflow 1's: write conf=, and a "
                "ShortCircuitOperator before this task if it is not always to trigger."
            )
        self.python_callable = python_callable
        self.trigger_dag_id = trigger_dag_id
        self.trigger_run_id = trigger_run_id
        self.conf = conf
        self.logical_date = logical_date
        self.run_after = _checked("run_after", run_after)
        self.reset_dag_run = reset_dag_run
        self.wait_for_completion = wait_for_completion
        self.poke_interval = poke_interval
        self.allowed_states = [DagRunState(s) for s in allowed_states or (DagRunState.SUCCESS,)]
        failed = (DagRunState.FAILED,) if failed_states is None else failed_states
        self.failed_states = [DagRunState(s) for s in failed]
        self.skip_when_already_exists = skip_when_already_exists
        self.fail_when_dag_is_paused = fail_when_dag_is_paused
        self.note = note
        self.deferrable = default_deferrable() if deferrable is None else deferrable

    def execute(self, context: Any) -> None:
        if self.python_callable is not None and not self._order(context):
            self.log.info("python_callable returned nothing: no run is made.")
            return
        if self.fail_when_dag_is_paused and self._dag_is_paused():
            raise DagIsPaused(self.trigger_dag_id)
        run_id = self._trigger(context["ti"])
        context["ti"].xcom_push(key=XCOM_RUN_ID, value=run_id)
        if not self.wait_for_completion:
            return
        if self.deferrable:
            self.defer(
                trigger=DagStateTrigger(
                    dag_id=self.trigger_dag_id,
                    states=[*self.allowed_states, *self.failed_states],
                    run_ids=[run_id],
                    poll_interval=self.poke_interval,
                ),
                method_name="execute_complete",
            )
        while not self._is_done(run_id, self._state_of(run_id)):
            time.sleep(self.poke_interval)

    def _order(self, context: Any) -> bool:
        """Let `python_callable` decide; whether there is to be a run."""
        assert self.python_callable is not None
        order = self.python_callable(context, DagRunOrder(run_id=f"trig__{utcnow().isoformat()}"))
        if order is None:
            return False
        self.trigger_run_id, self.conf = order.run_id, order.payload
        return True

    def _dag_is_paused(self) -> bool:
        return ask(GetDag(dag_id=self.trigger_dag_id), DagReply).is_paused

    def _trigger(self, ti: Any) -> str:
        logical_date, run_after = self._dates()
        order = TriggerDagRun(
            dag_id=self.trigger_dag_id,
            run_id=str(self.trigger_run_id) if self.trigger_run_id else None,
            conf=self._conf(),
            logical_date=logical_date,
            run_after=run_after,
            reset=self.reset_dag_run,
            note=self.note,
            triggered_by_attempt=ti.attempt_id,
        )
        try:
            run = ask(order, DagRunReply).run
        except Conflict as conflict:
            if self.skip_when_already_exists:
                raise AirflowSkipException(
                    f"A run of {self.trigger_dag_id} exists already, and skip_when_already_exists "
                    "is set."
                ) from conflict
            # Trying again could not help: the run would still be there.
            raise AirflowFailException(
                f"{conflict} Set reset_dag_run=True to run it again, or "
                "skip_when_already_exists=True."
            ) from conflict
        if run is None:
            raise AirflowException(f"No run of {self.trigger_dag_id} was made.")
        self.log.info("Triggered %s, run %s", self.trigger_dag_id, run.run_id)
        return run.run_id

    def _dates(self) -> tuple[datetime.datetime | None, datetime.datetime | None]:
        """Logical date and run_after to ask for."""
        logical_date = _checked("logical_date", self.logical_date)
        run_after = None if self.run_after is NOTSET else _moment(self.run_after)
        if logical_date is not NOTSET:
            return _moment(logical_date), run_after
        return (utcnow() if self.run_after is NOTSET else None), run_after

    def _conf(self) -> dict[str, Any]:
        try:
            conf = json.loads(self.conf) if isinstance(self.conf, str) else self.conf
            json.dumps(conf)
        except (TypeError, ValueError):
            raise ValueError(f"conf parameter should be JSON Serializable: {self.conf}") from None
        return conf or {}

    def _state_of(self, run_id: str) -> DagRunState | None:
        run = ask(GetDagRun(dag_id=self.trigger_dag_id, run_id=run_id), DagRunReply).run
        return None if run is None else run.state

    def _is_done(self, run_id: str, state: str | None) -> bool:
        """Whether the run ended as allowed; raises when it ended as it must not."""
        if state is None:
            raise AirflowException(f"Run {run_id} of {self.trigger_dag_id} was deleted.")
        if state in self.failed_states:
            raise AirflowException(
                f"{self.trigger_dag_id} failed with failed state {state} (run {run_id})"
            )
        if state in self.allowed_states:
            self.log.info("%s finished with allowed state %s", run_id, state)
        return state in self.allowed_states

    def execute_complete(self, context: Any, event: tuple[str, dict[str, Any]]) -> None:
        _, states = event
        for run_id in states["run_ids"]:
            self._is_done(run_id, states.get(run_id))


def _checked(name: str, value: Any) -> Moment:
    if value is None or isinstance(value, str | datetime.datetime | ArgNotSet):
        return value
    raise TypeError(
        f"Expected str, datetime.datetime, or None for parameter '{name}'. "
        f"Got {type(value).__name__}"
    )


def _moment(value: Any) -> datetime.datetime | None:
    return parse(value) if isinstance(value, str) else value
