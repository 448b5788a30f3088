"""`airflow.utils.email`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import formatdate
from pathlib import Path
from typing import Any

from tradewind.sdk.operators.email import Addresses, addresses, send_email

get_email_address_list = addresses
send_email_smtp = send_email


def build_mime_message(
    mail_from: str | None,
    to: Addresses,
    subject: str,
    html_content: str,
    files: Iterable[str] | None = None,
    cc: Addresses = None,
    bcc: Addresses = None,
    mime_subtype: str = "mixed",
    mime_charset: str = "utf-8",
    custom_headers: Mapping[str, Any] | None = None,
) -> tuple[MIMEMultipart, list[str]]:
    """A mail as others' libraries send it, and all its recipients (hidden ones are not in it)."""
    message = MIMEMultipart(mime_subtype)
    message["Subject"] = subject
    if mail_from:
        message["From"] = mail_from
    message["To"] = ", ".join(addresses(to))
    if cc:
        message["CC"] = ", ".join(addresses(cc))
    message["Date"] = formatdate(localtime=True)
    message.attach(MIMEText(html_content, "html", mime_charset))
    for file in map(Path, files or ()):
        part = MIMEApplication(file.read_bytes(), Name=file.name)
        part["Content-Disposition"] = f'attachment; filename="{file.name}"'
        part["Content-ID"] = f"<{file.name}>"
        message.attach(part)
    for name, value in (custom_headers or {}).items():
        message[name] = value
    return message, [*addresses(to), *addresses(cc), *addresses(bcc)]
