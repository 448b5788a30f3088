"""The mail that a task's `email=` asks for when the task fails or will be tried again."""

from html import escape
from typing import Any

from tradewind.core.states import TaskInstanceState


def wants_mail(task: Any, state: TaskInstanceState) -> bool:
    """Whether the task wants a mail about this end of an attempt."""
    if not task.email:
        return False
    match state:
        case TaskInstanceState.UP_FOR_RETRY:
            return bool(task.email_on_retry)
        case TaskInstanceState.FAILED:
            return bool(task.email_on_failure)
    return False


def mail_the_error(context: Any) -> None:
    """Mail what went wrong; without a server to send through, say in the log why not.

    Raises AirflowException when the server does not take it.
    """
    from tradewind.sdk.operators.email import addresses, send_email, server_is_known

    ti, to = context["ti"], addresses(context["task"].email)
    if not server_is_known():
        ti.log.info(
            "No mail was sent to %s: there is no connection smtp_default to send it through. "
            "Add one with `tradewind connections set smtp_default --conn-uri smtp://...`",
            ", ".join(to),
        )
        return
    send_email(to, f"Airflow alert: {ti!r}", _body(ti, context.get("exception")))
    ti.log.info("Mail sent to %s", ", ".join(to))


def _body(ti: Any, error: Any) -> str:
    reason = escape(str(error)).replace("\n", "<br>")
    return (
        f"Try {ti.try_number} out of {ti.max_tries + 1}<br>\n"
        f"Exception:<br>{reason}<br>\n"
        f'Log: <a href="{escape(ti.log_url)}">Link</a><br>\n'
        f"Host: {escape(ti.hostname)}<br>\n"
    )
