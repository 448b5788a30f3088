"""The http provider against a server of the test's own, `http_default`."""

import json

from airflow.providers.http.hooks.http import HttpHook
from airflow.providers.http.notifications.http import HttpNotifier
from airflow.providers.http.operators.http import HttpOperator, SimpleHttpOperator
from airflow.providers.http.sensors.http import HttpSensor
from airflow.sdk import DAG, task

EXPECTED = {
    "get": "page 1 of 3",
    "post": {"name": "run_http", "said": "hello"},
    "pages": ["page 1 of 3", "page 2 of 3", "page 3 of 3"],
    "later": "page 1 of 3",
    "from_a_hook": "page 2 of 3",
}


def next_page(response):
    following = response.headers.get("X-Next")
    return {"endpoint": f"items?page={following}"} if following else None


with DAG("run_http", schedule=None):
    ready = HttpSensor(
        task_id="ready",
        endpoint="ready/poke",
        poke_interval=0.1,
        response_check=lambda response, ti: ti.task_id == "ready" and response.text == "yes",
    )
    ready_later = HttpSensor(
        task_id="ready_later", endpoint="ready/defer", poke_interval=0.1, deferrable=True
    )
    calls = [
        SimpleHttpOperator(task_id="get", method="GET", endpoint="items?page=1"),
        HttpOperator(
            task_id="post",
            endpoint="echo",
            data='{"name": "{{ dag.dag_id }}", "said": "hello"}',
            headers={"Content-Type": "application/json"},
            response_check=lambda response: response.status_code == 200,
            response_filter=lambda response: response.json(),
        ),
        HttpOperator(
            task_id="pages", method="GET", endpoint="items?page=1", pagination_function=next_page
        ),
        HttpOperator(task_id="later", method="GET", endpoint="items?page=1", deferrable=True),
    ]

    @task
    def from_a_hook():
        return HttpHook(method="GET").run("items?page=2").text

    @task(trigger_rule="all_done")
    def compare(ti=None):
        found = {name: ti.xcom_pull(task_ids=name) for name in EXPECTED}
        assert found == EXPECTED, json.dumps(found)

    @task(
        on_success_callback=HttpNotifier(
            endpoint="told", json={"task": "{{ ti.task_id }}", "run": "{{ run_id }}"}
        )
    )
    def tells():
        pass

    refused = HttpOperator(task_id="refused", method="GET", endpoint="nowhere")
    refused_later = HttpOperator(
        task_id="refused_later", method="GET", endpoint="nowhere", deferrable=True
    )
    [ready, ready_later] >> calls[0]
    [*calls, from_a_hook()] >> compare()
    tells()
