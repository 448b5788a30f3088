"""A run for each event that the http provider's trigger sees; for `standalone`, not `dags test`."""

from airflow.providers.http.operators.http import HttpOperator
from airflow.providers.http.triggers.http import HttpEventTrigger
from airflow.sdk import DAG, Asset, AssetWatcher


async def is_ready(response):
    return response.text == "yes"


trigger = HttpEventTrigger(
    endpoint="ready/event", response_check_path="watched_http.is_ready", poll_interval=0.5
)
ready = Asset("ready", watchers=[AssetWatcher(name="watcher", trigger=trigger)])

with DAG("watched_http", schedule=[ready]):
    HttpOperator(task_id="later", method="GET", endpoint="items?page=1", deferrable=True)
