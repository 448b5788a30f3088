"""The task API: every request of user code, answered from the store."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from tradewind.core.errors import Conflict, NotFound, Superseded, TradewindError, UserError
from tradewind.core.protocol import (
    AnswerHitl,
    CountDagRuns,
    CountTaskInstances,
    CreateHitl,
    DeleteState,
    DeleteVariable,
    DeleteXCom,
    Failure,
    GetAssetEvents,
    GetConnection,
    GetDag,
    GetDagRun,
    GetHitl,
    GetInactiveAssets,
    GetPreviousDagRun,
    GetState,
    GetTaskStates,
    GetVariable,
    GetXCom,
    GetXComLength,
    Message,
    Reply,
    Request,
    SetRenderedFields,
    SetState,
    SetVariable,
    SetXCom,
    TriggerDagRun,
)
from tradewind.store.engine import Store, retrying
from tradewind.taskapi import runs, trigger, values
from tradewind.taskapi.call import Call

_Answer = Callable[[Call, Any], Reply]

_READS: dict[type[Message], _Answer] = {
    CountDagRuns: runs.count_dag_runs,
    CountTaskInstances: runs.count_task_instances,
    GetAssetEvents: runs.get_asset_events,
    GetConnection: values.get_connection,
    GetDag: runs.get_dag,
    GetDagRun: runs.get_dag_run,
    GetHitl: values.get_hitl,
    GetInactiveAssets: runs.get_inactive_assets,
    GetPreviousDagRun: runs.get_previous_dag_run,
    GetState: values.get_state,
    GetTaskStates: runs.get_task_states,
    GetVariable: values.get_variable,
    GetXCom: values.get_xcom,
    GetXComLength: values.get_xcom_length,
}

_WRITES: dict[type[Message], _Answer] = {
    AnswerHitl: values.answer_hitl,
    CreateHitl: values.create_hitl,
    DeleteState: values.delete_state,
    DeleteVariable: values.delete_variable,
    DeleteXCom: values.delete_xcom,
    SetRenderedFields: values.set_rendered_fields,
    SetState: values.set_state,
    SetVariable: values.set_variable,
    SetXCom: values.set_xcom,
    TriggerDagRun: trigger.trigger_dag_run,
}

_KINDS: tuple[tuple[type[TradewindError], str], ...] = (
    (NotFound, "not_found"),
    (Conflict, "conflict"),
    (Superseded, "superseded"),
    (UserError, "invalid"),
)


class TaskApi:
    """Answers requests from any thread; each in one transaction, and writes only for an attempt
    that is still its task instance's current one.

    `state_retention`: how long the state stores keep what does not say so itself (None: for ever).
    `patience_seconds`: how long an answer may wait for a database that is gone.
    """

    def __init__(
        self,
        store: Store,
        *,
        state_retention: timedelta | None = timedelta(days=30),
        patience_seconds: float = 20.0,
    ) -> None:
        self._store = store
        self._state_retention = state_retention
        self._patience_seconds = patience_seconds

    def handle(self, message: Request, *, attempt_id: int | None) -> Reply:
        """The reply that `core.protocol` names for the request, or `Failure` if it is refused.

        `attempt_id`: the attempt that the request surely came from; None if it came from none (a
        parsing child, a trigger's process). Raises DatabaseError when the database stays away.
        """
        try:
            return retrying(
                lambda: self._answer(message, attempt_id), for_seconds=self._patience_seconds
            )
        except (UserError, Superseded) as error:
            kind = next(kind for branch, kind in _KINDS if isinstance(error, branch))
            return Failure(kind=kind, message=_with_hint(error))

    def _answer(self, message: Request, attempt_id: int | None) -> Reply:
        if (read := _READS.get(type(message))) is not None:
            with self._store.read() as tx:
                return read(Call(self._store, tx, attempt_id, self._state_retention), message)
        with self._store.begin() as tx:
            call = Call(self._store, tx, attempt_id, self._state_retention)
            return _WRITES[type(message)](call, message)


def _with_hint(error: TradewindError) -> str:
    return str(error) if error.hint is None else f"{error} {error.hint}"
