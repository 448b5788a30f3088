"""Mail, through an SMTP server."""

from __future__ import annotations

import mimetypes
import re
import smtplib
import ssl
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Any, ClassVar

from tradewind.sdk.baseoperator import BaseOperator
from tradewind.sdk.configuration import conf
from tradewind.sdk.exceptions import AirflowException, AirflowNotFoundException

Addresses = str | Iterable[str] | None


class EmailOperator(BaseOperator):
    """Sends a mail.

    to, cc, bcc: addresses, as a list or as text with commas or semicolons.
    html_content: the body. `files`: paths of files to attach.
    conn_id: the SMTP server (host, port, login, password; extra: from_email, disable_ssl,
        disable_tls). Without such a connection, the configuration's section [smtp] names it.
    """

    template_fields: Sequence[str] = (
        *("to", "subject", "html_content", "from_email", "files", "cc", "bcc"),
        *("mime_subtype", "mime_charset", "conn_id"),
    )
    template_fields_renderers: ClassVar[Mapping[str, str]] = {"html_content": "html"}
    template_ext: Sequence[str] = (".html",)
    ui_color = "#e6faf9"

    def __init__(
        self,
        *,
        to: Addresses,
        subject: str,
        html_content: str,
        from_email: str | None = None,
        files: list[str] | None = None,
        cc: Addresses = None,
        bcc: Addresses = None,
        mime_subtype: str = "mixed",
        mime_charset: str = "utf-8",
        conn_id: str = "smtp_default",
        custom_headers: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.to = to
        self.subject = subject
        self.html_content = html_content
        self.from_email = from_email
        self.files = files or []
        self.cc = cc
        self.bcc = bcc
        self.mime_subtype = mime_subtype
        self.mime_charset = mime_charset
        self.conn_id = conn_id
        self.custom_headers = custom_headers or {}

    def execute(self, context: Any) -> None:
        send_email(
            self.to,
            self.subject,
            self.html_content,
            files=self.files,
            cc=self.cc,
            bcc=self.bcc,
            mime_charset=self.mime_charset,
            conn_id=self.conn_id,
            from_email=self.from_email,
            custom_headers=self.custom_headers,
        )


def send_email(
    to: Addresses,
    subject: str,
    html_content: str,
    files: Iterable[str] | None = None,
    dryrun: bool = False,
    cc: Addresses = None,
    bcc: Addresses = None,
    mime_subtype: str = "mixed",
    mime_charset: str = "utf-8",
    conn_id: str | None = None,
    from_email: str | None = None,
    custom_headers: dict[str, Any] | None = None,
    **kwargs: Any,
) -> None:
    """Send one mail; with `dryrun` only build it. Raises AirflowException when that fails."""
    server = _Server.of(conn_id or "smtp_default")
    message = EmailMessage()
    message["From"] = from_email or server.from_email
    message["To"] = ", ".join(addresses(to))
    if cc:
        message["Cc"] = ", ".join(addresses(cc))
    message["Subject"] = subject
    message["Date"] = formatdate(localtime=True)
    message["Message-ID"] = make_msgid()
    for name, value in (custom_headers or {}).items():
        message[name] = str(value)
    message.set_content(html_content, subtype="html", charset=mime_charset)
    for file in files or ():
        kind = mimetypes.guess_type(file)[0] or "application/octet-stream"
        maintype, _, subtype = kind.partition("/")
        content, name = Path(file).read_bytes(), Path(file).name
        message.add_attachment(content, maintype=maintype, subtype=subtype, filename=name)
    if not dryrun:
        server.send(message, [*addresses(to), *addresses(cc), *addresses(bcc)])


def server_is_known(conn_id: str = "smtp_default") -> bool:
    """Whether somebody has said which server to send through."""
    from tradewind.sdk import Connection

    try:
        Connection.get(conn_id)
    except AirflowNotFoundException:
        return conf.given("smtp", "smtp_host") is not None
    return True


def addresses(value: Addresses) -> list[str]:
    """One address or several, as a list."""
    if value is None:
        return []
    if not isinstance(value, str):
        return [address for item in value for address in addresses(item)]
    return [address for part in re.split(r"[,;]", value) if (address := part.strip())]


@dataclass(frozen=True)
class _Server:
    host: str
    port: int
    login: str | None
    password: str | None
    from_email: str
    use_ssl: bool
    use_starttls: bool

    @classmethod
    def of(cls, conn_id: str) -> _Server:
        """The connection's server, or the configuration's when there is no such connection."""
        from tradewind.sdk import Connection

        try:
            connection = Connection.get(conn_id)
        except AirflowNotFoundException:
            return cls(
                host=conf.get("smtp", "smtp_host"),
                port=conf.getint("smtp", "smtp_port"),
                login=conf.get("smtp", "smtp_user", fallback=None),
                password=conf.get("smtp", "smtp_password", fallback=None),
                from_email=conf.get("smtp", "smtp_mail_from"),
                use_ssl=conf.getboolean("smtp", "smtp_ssl"),
                use_starttls=conf.getboolean("smtp", "smtp_starttls"),
            )
        extra = connection.extra_dejson
        use_ssl = not extra.get("disable_ssl", False)
        return cls(
            host=connection.host or "localhost",
            port=connection.port or (465 if use_ssl else 587),
            login=connection.login,
            password=connection.password,
            from_email=extra.get("from_email") or connection.login or "airflow@localhost",
            use_ssl=use_ssl,
            use_starttls=not use_ssl and not extra.get("disable_tls", False),
        )

    def send(self, message: EmailMessage, recipients: list[str]) -> None:
        try:
            with self._connected() as smtp:
                if self.login and self.password:
                    smtp.login(self.login, self.password)
                smtp.send_message(message, self.from_email, recipients)
        except (OSError, smtplib.SMTPException) as error:
            raise AirflowException(
                f"The mail {message['Subject']!r} could not be sent through "
                f"{self.host}:{self.port}: {error}. Check the connection smtp_default, or the "
                "section [smtp] of the configuration (AIRFLOW__SMTP__SMTP_HOST and so on)."
            ) from error

    def _connected(self) -> smtplib.SMTP:
        if self.use_ssl:
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(self.host, self.port, timeout=30, context=context)
        smtp = smtplib.SMTP(self.host, self.port, timeout=30)
        if self.use_starttls:
            smtp.starttls(context=ssl.create_default_context())
        return smtp
