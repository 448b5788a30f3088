"""The smtp provider, and the mail of a failed task, through a server that wants a password."""

import json

from providers.conftest import Tradewind
from providers.servers import MailServer


def test_operator_notifiers_and_failure_mail(tradewind: Tradewind, mail_server: MailServer) -> None:
    connection = {
        "conn_type": "smtp",
        "host": "127.0.0.1",
        "port": mail_server.port,
        "login": "me",
        "password": "secret/word",
        "extra": {"disable_ssl": True, "disable_tls": True, "from_email": "tw@example.org"},
    }
    done = tradewind.run("run_smtp", AIRFLOW_CONN_SMTP_DEFAULT=json.dumps(connection))
    assert done.in_state("failed") == {"fails"}, done.output
    assert done.in_state("success") == {"operator", "from_a_hook"}, done.output
    assert "secret/word" not in done.output

    mail = mail_server.to("a@example.org")
    assert mail.recipients == {"a@example.org", "b@example.org", "c@example.org"}
    assert mail.message["Subject"] == "From operator"
    assert mail.body == "<b>run_smtp</b>"
    attached = [part.get_filename() for part in mail.message.iter_attachments()]
    assert attached == ["run_smtp.py"]

    assert mail_server.to("hook@example.org").body == "by hand"
    assert mail_server.to("first@example.org").message["From"] == "tw@example.org"
    assert "fails" in mail_server.to("first@example.org").message["Subject"]
    second = mail_server.to("second@example.org")
    assert (second.message["From"], second.message["Subject"], second.body) == (
        "other@example.org",
        "fails failed",
        "on purpose",
    )
    assert "on purpose" in mail_server.to("owner@example.org").body  # email_on_failure
    assert mail_server.to("team@example.org").body.startswith("manual__")
