"""Inlet events, source run of an event, extra by outlet_events and by Metadata, and no event
from a failed or skipped task.
"""

from airflow.sdk import DAG, Asset, Metadata, task
from airflow.sdk.exceptions import AirflowSkipException

a = Asset("diff_seen_a", uri="diff://seen/a", extra={"fixed": 1}, group="g")
b = Asset("diff_seen_b", uri="diff://seen/b")
c = Asset("diff_seen_c", uri="diff://seen/c")

with DAG("asset_events_seen", schedule=None, catchup=False):

    @task(outlets=[a])
    def first(outlet_events=None):
        outlet_events[a].extra = {"n": 1}

    @task(outlets=[a])
    def second():
        yield Metadata(a, extra={"n": 2})

    @task(outlets=[b])
    def fails():
        raise RuntimeError("broken")

    @task(outlets=[b])
    def skips():
        raise AirflowSkipException("not today")

    @task(inlets=[a, b], trigger_rule="all_done")
    def look(inlet_events=None):
        events = inlet_events[a]
        return [
            [event.extra for event in events],
            events[-1].source_task_id,
            events[-1].source_run_id,
            len(inlet_events[b]),
        ]

    @task(outlets=[c])
    def extra_of_unknown(outlet_events=None):
        outlet_events[b].extra = {"not": "mine"}

    first() >> second() >> [fails(), skips()] >> look()
    extra_of_unknown()

with DAG("asset_events_seen_b", schedule=[b], catchup=False):

    @task
    def never():
        return 1

    never()

with DAG("asset_events_seen_a", schedule=[a], catchup=False, max_active_runs=1):

    @task
    def show(triggering_asset_events=None, dag_run=None, **context):
        events = triggering_asset_events[a]
        return [
            len(events) > 0,
            context.get("ds", "absent"),
            dag_run.run_type,
            "logical_date" in context,
            str(dag_run.logical_date),
        ]

    show()
