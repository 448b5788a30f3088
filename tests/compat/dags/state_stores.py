"""The task state store survives a retry and belongs to the instance; the asset state store
belongs to the asset.
"""

from datetime import timedelta

from airflow.sdk import DAG, Asset, task

mark = Asset("diff_watermark", uri="diff://water/mark")

with DAG("state_stores", schedule=None, catchup=False):

    @task(retries=1, retry_delay=timedelta(seconds=1))
    def resumes(task_state_store=None, ti=None):
        if ti.try_number == 1:
            task_state_store.set("step", {"at": 7})
            task_state_store.set("gone", "x")
            task_state_store.delete("gone")
            raise RuntimeError("crash")
        return [
            task_state_store.get("step"),
            task_state_store.get("gone"),
            task_state_store.get("nowhere", "d"),
        ]

    @task
    def other(task_state_store=None):
        return task_state_store.get("step")

    @task(outlets=[mark])
    def writes(asset_state_store=None):
        asset_state_store[mark].set("watermark", "2026-01-15")

    @task(inlets=[mark])
    def reads(asset_state_store=None):
        return asset_state_store[mark].get("watermark")

    resumes() >> other()
    writes() >> reads()
