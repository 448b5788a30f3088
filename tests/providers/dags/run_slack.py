"""Slack's operators and notifiers, against a server that plays Slack."""

import pendulum
from airflow.providers.slack.notifications.slack import send_slack_notification
from airflow.providers.slack.notifications.slack_webhook import send_slack_webhook_notification
from airflow.providers.slack.operators.slack import SlackAPIPostOperator
from airflow.providers.slack.operators.slack_webhook import SlackWebhookOperator
from airflow.providers.slack.transfers.sql_to_slack_webhook import SqlToSlackWebhookOperator
from airflow.sdk import DAG, task

with DAG(
    "run_slack",
    start_date=pendulum.datetime(2026, 1, 1),
    schedule=None,
    on_failure_callback=send_slack_notification(text="{{ dag.dag_id }} is done", channel="#runs"),
):
    SlackAPIPostOperator(task_id="post", channel="#orders", text="run {{ run_id[:6] }}")
    SlackWebhookOperator(
        task_id="webhook", slack_webhook_conn_id="webhook", message="from {{ ti.task_id }}"
    )
    SqlToSlackWebhookOperator(
        task_id="table",
        sql="SELECT 3 AS apples",
        sql_conn_id="sqlite_default",
        slack_webhook_conn_id="webhook",
        slack_message="{{ results_df | tabulate(tablefmt='pretty') }}",
    )

    @task(
        on_failure_callback=send_slack_webhook_notification(
            slack_webhook_conn_id="webhook", text="{{ ti.task_id }} failed"
        )
    )
    def broken() -> None:
        raise ValueError("as it should")

    broken()
