"""`airflow.utils.email`."""

from tradewind.sdk.operators.email import send_email

send_email_smtp = send_email

__all__ = ["send_email", "send_email_smtp"]
