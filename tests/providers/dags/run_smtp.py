"""The smtp provider against a server of the test's own, `smtp_default`."""

from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.providers.smtp.notifications.smtp import SmtpNotifier, send_smtp_notification
from airflow.providers.smtp.operators.smtp import EmailOperator
from airflow.sdk import DAG, task

with DAG(
    "run_smtp",
    schedule=None,
    on_failure_callback=SmtpNotifier(
        to="team@example.org", subject="Run of {{ dag.dag_id }} failed", html_content="{{ run_id }}"
    ),
):
    EmailOperator(
        task_id="operator",
        to=["a@example.org", "b@example.org"],
        cc="c@example.org",
        subject="From {{ ti.task_id }}",
        html_content="<b>{{ dag.dag_id }}</b>",
        files=[__file__],
    )

    @task(
        email="owner@example.org",
        email_on_failure=True,
        on_failure_callback=[
            SmtpNotifier(to="first@example.org"),  # with the provider's own subject and text
            send_smtp_notification(
                from_email="other@example.org",
                to="second@example.org",
                subject="{{ ti.task_id }} failed",
                html_content="{{ exception }}",
            ),
        ],
    )
    def fails():
        raise ValueError("on purpose")

    @task
    def from_a_hook():
        with SmtpHook() as hook:
            hook.send_email_smtp(to="hook@example.org", subject="Hook", html_content="by hand")

    fails()
    from_a_hook()
