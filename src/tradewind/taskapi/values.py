"""Answers about values: XComs, variables, connections, state stores, rendered fields, questions."""

from datetime import datetime

from tradewind.core.errors import Superseded
from tradewind.core.moments import later
from tradewind.core.protocol import (
    AnswerHitl,
    ConnectionReply,
    CountReply,
    CreateHitl,
    DeleteState,
    DeleteVariable,
    DeleteXCom,
    GetConnection,
    GetHitl,
    GetState,
    GetVariable,
    GetXCom,
    GetXComLength,
    HitlReply,
    Json,
    Ok,
    SetRenderedFields,
    SetState,
    SetVariable,
    SetXCom,
    VariableReply,
    XComReply,
)
from tradewind.store import connections, hitl, rendered, states, variables, xcoms
from tradewind.taskapi.call import Call

# --- XComs ----------------------------------------------------------------------------------------


def get_xcom(call: Call, message: GetXCom) -> XComReply:
    name = xcoms.XComName(message.dag_id, message.run_id, message.task_id, message.key)
    read = xcoms.newest_values if message.include_prior_dates else xcoms.values
    return _pick(read(call.tx, name), message.map_index)


def _pick(values: dict[int, Json], map_index: int | list[int] | None) -> XComReply:
    """What of a task's values, by map index, was asked for; None: all of them, or the unmapped."""
    if map_index is None and -1 in values:
        map_index = -1
    if isinstance(map_index, int):
        return XComReply(found=map_index in values, value=values.get(map_index))
    wanted = list(values) if map_index is None else map_index
    pushed = [values[index] for index in wanted if values.get(index) is not None]
    return XComReply(found=bool(values), value=pushed if values else None)


def get_xcom_length(call: Call, message: GetXComLength) -> CountReply:
    name = xcoms.XComName(message.dag_id, message.run_id, message.task_id, message.key)
    return CountReply(count=xcoms.count(call.tx, name))


def set_xcom(call: Call, message: SetXCom) -> Ok:
    mine = call.current_instance(message.attempt_id)
    xcoms.put(
        call.tx,
        [
            {
                "run_pk": mine.run_pk,
                "task_id": mine.task_id,
                "map_index": mine.map_index,
                "key": message.key,
                "value": message.value,
                "timestamp": call.now,
            }
        ],
    )
    return Ok()


def delete_xcom(call: Call, message: DeleteXCom) -> Ok:
    mine = call.current_instance(message.attempt_id)
    xcoms.remove(call.tx, (mine.run_pk, mine.task_id, mine.map_index), message.key)
    return Ok()


# --- variables and connections --------------------------------------------------------------------


def get_variable(call: Call, message: GetVariable) -> VariableReply:
    value = variables.get(call.tx, message.key)
    return VariableReply(found=value is not None, value=value)


def set_variable(call: Call, message: SetVariable) -> Ok:
    call.check_fence()
    variables.put(call.tx, message.key, message.value, message.description)
    return Ok()


def delete_variable(call: Call, message: DeleteVariable) -> Ok:
    call.check_fence()
    variables.remove(call.tx, message.key)
    return Ok()


def get_connection(call: Call, message: GetConnection) -> ConnectionReply:
    return ConnectionReply(connection=connections.get(call.tx, message.conn_id))


# --- state stores ---------------------------------------------------------------------------------


def get_state(call: Call, message: GetState) -> XComReply:
    if message.asset_name is not None:
        found, value = states.get_asset(call.tx, message.asset_name, message.key, now=call.now)
    else:
        mine = call.instance(message.attempt_id)
        found, value = states.get_task(
            call.tx, mine.run_pk, mine.task_id, mine.map_index, message.key, now=call.now
        )
    return XComReply(found=found, value=value)


def set_state(call: Call, message: SetState) -> Ok:
    mine = call.current_instance(message.attempt_id)
    now = call.now
    expires_at = _expiry(call, message.retention_seconds, now)
    if message.asset_name is not None:
        states.put_asset(
            call.tx, message.asset_name, message.key, message.value, now=now, expires_at=expires_at
        )
    else:
        states.put_task(
            call.tx,
            mine.run_pk,
            mine.task_id,
            mine.map_index,
            message.key,
            message.value,
            now=now,
            expires_at=expires_at,
        )
    return Ok()


def _expiry(call: Call, retention_seconds: float | None, now: datetime) -> datetime | None:
    if retention_seconds is None:
        return None if call.state_retention is None else now + call.state_retention
    return None if retention_seconds == 0 else later(now, retention_seconds)


def delete_state(call: Call, message: DeleteState) -> Ok:
    mine = call.current_instance(message.attempt_id)
    if message.asset_name is not None:
        states.remove_asset(call.tx, message.asset_name, message.key)
    else:
        map_index = None if message.all_map_indexes else mine.map_index
        states.remove_task(call.tx, mine.run_pk, mine.task_id, map_index, message.key)
    return Ok()


# --- for people -----------------------------------------------------------------------------------


def set_rendered_fields(call: Call, message: SetRenderedFields) -> Ok:
    if not rendered.put(call.tx, message.attempt_id, message.fields):
        raise Superseded(f"Attempt {message.attempt_id} is no longer its task instance's own.")
    return Ok()


def create_hitl(call: Call, message: CreateHitl) -> Ok:
    mine = call.current_instance(message.attempt_id)
    hitl.ask(
        call.tx,
        mine.id,
        attempt_queued_at=mine.queued_at,
        subject=message.subject,
        body=message.body,
        options=message.options,
        defaults=message.defaults,
        multiple=message.multiple,
        params=message.params,
        assignees=message.assignees,
        created_at=call.now,
    )
    return Ok()


def get_hitl(call: Call, message: GetHitl) -> HitlReply:
    row = hitl.get(call.tx, message.task_instance_id)
    if row is None or row.answered_at is None:
        return HitlReply(answered=False)
    return HitlReply(
        answered=True, chosen=row.chosen, params=row.params_input or {}, by=row.answered_by
    )


def answer_hitl(call: Call, message: AnswerHitl) -> HitlReply:
    hitl.answer(
        call.tx,
        message.task_instance_id,
        chosen=message.chosen,
        params=message.params,
        by=None,
        now=call.now,
    )
    return get_hitl(call, GetHitl(task_instance_id=message.task_instance_id))
