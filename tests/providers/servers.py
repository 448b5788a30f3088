"""Servers on ports of their own, for one test each."""

import getpass
import json
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from base64 import b64encode
from collections import Counter
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any
from urllib.parse import quote

_PAGES = 3


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def wait_for_port(port: int, process: subprocess.Popen[Any]) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert process.poll() is None, f"the server ended with {process.returncode}"
            assert time.monotonic() < deadline, "the server does not listen"
            time.sleep(0.05)


class WebServer:
    """/items: three pages, each naming the next; /ready/NAME: from the third request on; /echo."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.posted: dict[str, Any] = {}
        outer = self

        class Handler(_Handler):
            server_of = outer

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.05])
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server_of: WebServer

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        self.server_of.asked[self.path] += 1
        if path == "/items":
            page = int(query.removeprefix("page="))
            following = {"X-Next": str(page + 1)} if page < _PAGES else {}
            self._say(200, f"page {page} of {_PAGES}", following)
        elif path.startswith("/ready/") and self.server_of.asked[self.path] >= 3:
            self._say(200, "yes")
        else:
            self._say(404, "no")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server_of.posted[self.path] = json.loads(body)
        self._say(200, body.decode())

    def _say(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Not onto the terminal."""


@dataclass
class Mail:
    """One mail as the server got it."""

    recipients: set[str]
    message: EmailMessage

    @property
    def body(self) -> str:
        part = self.message.get_body()
        assert isinstance(part, EmailMessage)
        return str(part.get_content()).strip()


class MailServer:
    """Takes mails, without encryption, from a user that logs in."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        outer = self

        class Handler(_MailHandler):
            server_of = outer

        self._server = ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.05])
        self._thread.start()

    def to(self, recipient: str) -> Mail:
        """The one mail to somebody."""
        (found,) = [mail for mail in self.mails if recipient in mail.recipients]
        return found

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _MailHandler(StreamRequestHandler):
    server_of: MailServer

    def handle(self) -> None:
        recipients: set[str] = set()
        self._say("220 ready")
        while line := self.rfile.readline().decode().strip():
            command = line.split(":")[0].split()[0].upper()
            if command == "EHLO":
                self._say("250-here\r\n250 AUTH PLAIN")
            elif command == "AUTH":
                right = line.split()[-1] == b64encode(b"\0me\0secret/word").decode()
                self._say("235 welcome" if right else "535 no")
            elif command == "DATA":
                self._say("354 go on")
                text = b"".join(iter(self.rfile.readline, b".\r\n"))
                message = BytesParser(policy=policy.default).parsebytes(text)
                self.server_of.mails.append(Mail(recipients, message))
                self._say("250 ok")
            elif command == "QUIT":
                self._say("221 bye")
                return
            else:
                if line.upper().startswith("RCPT TO"):
                    recipients.add(line.split("<")[1].split(">")[0])
                self._say("250 ok")

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")


class Sshd:
    """An SSH server that lets this user in with a key of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        self._folder = folder
        for name in ("host", "user"):
            self._keygen("-t", "ed25519", "-N", "", "-f", str(folder / name))
        shutil.copy(folder / "user.pub", folder / "authorized")
        self.port = free_port()
        (folder / "config").write_text(
            f"ListenAddress 127.0.0.1\nPort {self.port}\nHostKey {folder}/host\n"
            f"AuthorizedKeysFile {folder}/authorized\nStrictModes no\nUsePAM no\nPidFile none\n"
            "PermitRootLogin prohibit-password\nPasswordAuthentication no\n"
            "Subsystem sftp internal-sftp\n"
        )
        program = shutil.which("sshd", path="/usr/sbin:/usr/bin:/usr/local/sbin")
        assert program, "there is no sshd"
        with (folder / "log").open("w") as log:
            self._process = subprocess.Popen(
                [program, "-D", "-e", "-f", str(folder / "config")], stderr=log
            )
        wait_for_port(self.port, self._process)

    def connection(self, conn_type: str) -> str:
        """A connection as Airflow's JSON."""
        return json.dumps(
            {
                "conn_type": conn_type,
                "host": "127.0.0.1",
                "login": getpass.getuser(),
                "port": self.port,
                "extra": {"key_file": str(self._folder / "user"), "no_host_key_check": True},
            }
        )

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(30)

    def _keygen(self, *arguments: str) -> None:
        subprocess.run(["ssh-keygen", "-q", *arguments], check=True)


class Redis:
    """A Redis server without persistence, that wants a password."""

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="tw-redis-")
        self.port = free_port()
        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "save": "",
            "dir": self._folder,
            "requirepass": "secret/word",
        }
        arguments = [item for name, value in options.items() for item in (f"--{name}", value)]
        self._process = subprocess.Popen(["redis-server", *arguments], stdout=subprocess.DEVNULL)
        wait_for_port(self.port, self._process)

    @property
    def url(self) -> str:
        return f"redis://:{quote('secret/word', safe='')}@127.0.0.1:{self.port}"

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(30)
        shutil.rmtree(self._folder, ignore_errors=True)
