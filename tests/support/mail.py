"""A mail server for one mail."""

import socket
import threading


class MailServer:
    """Takes one mail and remembers it."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(30.0)  # only a mail that never comes takes so long
        self.port = self._socket.getsockname()[1]
        self.recipients: list[str] = []
        self.text = ""
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        client, _ = self._socket.accept()
        with client, client.makefile("rwb") as stream:

            def say(line: str) -> None:
                stream.write(line.encode() + b"\r\n")
                stream.flush()

            say("220 ready")
            while line := stream.readline().decode().strip():
                command = line.split(":")[0].upper()
                if command == "RCPT TO":
                    self.recipients.append(line.split("<")[1].split(">")[0])
                if command == "DATA":
                    say("354 go on")
                    while (part := stream.readline()) != b".\r\n":
                        self.text += part.decode()
                say("221 bye" if command == "QUIT" else "250 ok")
                if command == "QUIT":
                    break

    def close(self) -> None:
        self._thread.join()
        self._socket.close()
