"""Answers about DAGs, their runs and task instances, and about asset events."""

from collections.abc import Iterable

from tradewind.core.dag import SerializedDag
from tradewind.core.errors import NotFound, UserError
from tradewind.core.protocol import (
    AssetEvent,
    AssetEventsReply,
    CountDagRuns,
    CountReply,
    CountTaskInstances,
    DagReply,
    DagRunReply,
    GetAssetEvents,
    GetDag,
    GetDagRun,
    GetInactiveAssets,
    GetPreviousDagRun,
    GetTaskStates,
    InactiveAssetsReply,
    TaskStatesReply,
)
from tradewind.core.states import TaskInstanceState
from tradewind.scheduler.launch import run_info
from tradewind.store import asset_events, assets, dags, listings
from tradewind.store.engine import AnyRow
from tradewind.taskapi.call import Call

# --- DAGs -----------------------------------------------------------------------------------------


def get_dag(call: Call, message: GetDag) -> DagReply:
    row = dags.get(call.tx, message.dag_id)
    document = dags.document(call.tx, message.dag_id)
    if row is None or row.is_stale or document is None:
        return DagReply(exists=False)
    known = {task.task_id for task in document.tasks}
    return DagReply(
        exists=True,
        is_paused=row.is_paused,
        missing_task_ids=[task_id for task_id in message.task_ids if task_id not in known],
        has_task_group=message.task_group_id is None
        or any(group.group_id == message.task_group_id for group in document.groups),
    )


def group_task_ids(document: SerializedDag, group_id: str) -> list[str]:
    """The tasks in a group and in the groups below it. Raises NotFound for an unknown group."""
    members: set[str] = set()
    for group in document.groups:  # parents come before children
        if group.group_id == group_id or group.parent in members:
            members.add(group.group_id)
    if not members:
        raise NotFound(f"The DAG {document.dag_id} has no task group {group_id}.")
    return [task.task_id for task in document.tasks if task.group_id in members]


# --- runs -----------------------------------------------------------------------------------------


def reply(row: AnyRow, consumed: Iterable[AssetEvent] = ()) -> DagRunReply:
    """With a row of `listings.runs`."""
    return DagRunReply(run=run_info(row, row.version_number, list(consumed)))


def get_dag_run(call: Call, message: GetDagRun) -> DagRunReply:
    if message.run_id is None and message.logical_date is None:
        raise UserError("A run is named by its run id or its logical date; neither was given.")
    wanted = listings.RunFilter(
        dag_id=message.dag_id,
        run_ids=None if message.run_id is None else [message.run_id],
        logical_dates=None if message.logical_date is None else [message.logical_date],
    )
    row = listings.run(call.tx, wanted)
    if row is None:
        return DagRunReply()
    return reply(row, asset_events.consumed_by(call.tx, row.id))


def get_previous_dag_run(call: Call, message: GetPreviousDagRun) -> DagRunReply:
    row = listings.run_before(call.tx, message.dag_id, message.before, state=message.state)
    return DagRunReply() if row is None else reply(row)


def count_dag_runs(call: Call, message: CountDagRuns) -> CountReply:
    wanted = listings.RunFilter(
        dag_id=message.dag_id,
        run_ids=message.run_ids or None,
        logical_dates=message.logical_dates or None,
        states=message.states or None,
    )
    return CountReply(count=listings.count_runs(call.tx, wanted))


# --- task instances -------------------------------------------------------------------------------


def count_task_instances(call: Call, message: CountTaskInstances) -> CountReply:
    task_ids = set(message.task_ids) if message.task_ids else None
    if message.task_group_id is not None:
        members = _members(call, message.dag_id, message.task_group_id)
        task_ids = members if task_ids is None else task_ids & members
    wanted = listings.InstanceFilter(
        task_ids=task_ids, map_index=message.map_index, states=message.states or None
    )
    return CountReply(count=listings.count_instances(call.tx, _runs_of(message), wanted))


def get_task_states(call: Call, message: GetTaskStates) -> TaskStatesReply:
    task_ids = set(message.task_ids) if message.task_ids else None
    if message.task_group_id is not None:
        task_ids = (task_ids or set()) | _members(call, message.dag_id, message.task_group_id)
    wanted = listings.InstanceFilter(task_ids=task_ids, map_index=message.map_index)
    states: dict[str, dict[str, TaskInstanceState]] = {}
    for row in listings.instances(call.tx, _runs_of(message), wanted):
        label = row.task_id if row.map_index < 0 else f"{row.task_id}_{row.map_index}"
        states.setdefault(row.run_id, {})[label] = TaskInstanceState(row.state)
    return TaskStatesReply(states=states)


def _members(call: Call, dag_id: str, group_id: str) -> set[str]:
    document = dags.document(call.tx, dag_id)
    if document is None:
        raise NotFound(f"There is no DAG {dag_id}.")
    return set(group_task_ids(document, group_id))


def _runs_of(message: CountTaskInstances | GetTaskStates) -> listings.RunFilter:
    return listings.RunFilter(
        dag_id=message.dag_id,
        run_ids=message.run_ids or None,
        logical_dates=message.logical_dates or None,
    )


# --- assets ---------------------------------------------------------------------------------------


def get_asset_events(call: Call, message: GetAssetEvents) -> AssetEventsReply:
    if message.asset_name is None and message.asset_uri is None and message.alias is None:
        raise UserError("Asset events are asked for by asset name, URI or alias; none was given.")
    wanted = asset_events.EventFilter(
        name=message.asset_name,
        uri=message.asset_uri,
        alias=message.alias,
        after=message.after,
        before=message.before,
        partition_key=message.partition_key,
    )
    found = asset_events.events(call.tx, wanted, limit=message.limit, ascending=message.ascending)
    return AssetEventsReply(events=found)


def get_inactive_assets(call: Call, message: GetInactiveAssets) -> InactiveAssetsReply:
    found = assets.inactive_of_task(call.tx, message.dag_id, message.task_id)
    return InactiveAssetsReply(assets=[(row.name, row.uri) for row in found])
