"""An attempt's log: JSON lines that the process itself appends to its file.

`{"ts": …, "level": "info", "logger": "…" or "source": "…", "event": "…"}`, plus `exception` with a
traceback. Sources: `tradewind` (phases of the attempt), `stdout` and `stderr`. What is written past
Python's streams (by a subprocess, by C code) arrives through a pipe in the host, see `RawOutput`.
"""

import io
import logging
import os
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

import msgspec

from tradewind.runner.masking import Masker, masker

_LONGEST_LINE = 1 << 16
_encode = msgspec.json.Encoder().encode


def writable(text: str) -> str:
    """The text with what is not valid Unicode (lone surrogates) as escapes."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


class LogFile:
    """Appends whole records; several processes may hold the same file (O_APPEND)."""

    def __init__(self, fd: int, mask: Masker) -> None:
        self.fd = fd
        self.mask = mask

    def write(self, level: str, event: str, **fields: Any) -> None:
        self.write_all([self.line(level, event, **fields)])

    def line(self, level: str, event: str, **fields: Any) -> bytes:
        shown = writable(self.mask.mask(event))
        record = {"ts": datetime.now(UTC), "level": level, "event": shown, **fields}
        return _encode(record) + b"\n"

    def write_all(self, lines: list[bytes]) -> None:
        """A full disk loses log lines, not the attempt."""
        data = memoryview(b"".join(lines))
        try:
            while data:
                data = data[os.write(self.fd, data) :]
        except OSError:
            return

    def phase(self, event: str, **fields: Any) -> None:
        self.write("info", event, source="tradewind", **fields)


def open_log(folder: str, name: str) -> int:
    """The descriptor of the log file `name` below `folder`, created if need be, for appending.

    Without a name the log goes nowhere. Raises OSError.
    """
    path = os.path.join(folder, name) if name else os.devnull
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o640)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return os.open(path, flags, 0o640)


class RecordHandler(logging.Handler):
    """Standard logging into the log file."""

    def __init__(self, log: LogFile) -> None:
        super().__init__()
        self.log_file = log

    def emit(self, record: logging.LogRecord) -> None:
        try:
            event = record.getMessage()
        except (TypeError, ValueError):
            event = f"{record.msg} {record.args}"  # a wrong format string is no reason to lose it
        fields: dict[str, Any] = {"logger": record.name}
        if record.exc_info and record.exc_info[1] is not None:
            text = "".join(traceback.format_exception(*record.exc_info)).rstrip()
            fields["exception"] = writable(self.log_file.mask.mask(text))
        self.log_file.write(record.levelname.lower(), event, **fields)


class _LineStream(io.RawIOBase):
    """What `print` writes, a record a line. `fileno` is the real stream's, for subprocesses."""

    def __init__(self, log: LogFile, source: str, level: str, fd: int) -> None:
        self._lines = Lines(log, source, level)
        self._fd = fd

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fd

    def write(self, data: Any) -> int:
        self._lines.feed(bytes(data))
        return len(data)

    def finish(self) -> None:
        self._lines.finish()


class Lines:
    """Cuts bytes into lines and logs them; an endless line is cut at 64 KiB."""

    def __init__(self, log: LogFile, source: str, level: str) -> None:
        self.log = log
        self._fields = {"source": source}
        self._level = level
        self._rest = b""

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) >= _LONGEST_LINE:
            lines.append(self._rest)
            self._rest = b""
        if lines:
            self._log(lines)

    def finish(self) -> None:
        if self._rest:
            self._log([self._rest])
            self._rest = b""

    def _log(self, lines: list[bytes]) -> None:
        self.log.write_all(
            [
                self.log.line(
                    self._level,
                    line.rstrip(b"\r").decode(errors="backslashreplace"),
                    **self._fields,
                )
                for line in lines
            ]
        )


class RawOutput:
    """The host's end of an attempt's descriptors 1 and 2."""

    def __init__(self, fd: int, log: LogFile) -> None:
        os.set_blocking(fd, False)
        self.fd = fd
        self.closed = False
        self._lines = Lines(log, "stdout", "info")

    def read(self) -> bool:
        """Log what is there, at most one pipe's worth; whether there may be more."""
        try:
            data = os.read(self.fd, _LONGEST_LINE) if not self.closed else b""
        except BlockingIOError:
            return False
        if data:
            self._lines.feed(data)
            return True
        self.close()
        return False

    def drain(self) -> None:
        """What is left in the pipe of a process that has ended, at most 1 MiB.

        A grandchild that lives on may hold the pipe and write for ever.
        """
        for _ in range(16):
            if not self.read():
                break
        self.close()

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._lines.finish()
            os.close(self.fd)


def capture() -> LogFile:
    """Send logging, `print` and `sys.stderr` to a log file; each attempt sets the `fd` of its own.

    Done before the fork, once for all of them.
    """
    log = LogFile(-1, masker)
    root = logging.getLogger()
    root.handlers[:] = [RecordHandler(log)]
    root.setLevel(logging.INFO)
    sys.stdout = _text_stream(log, "stdout", "info", 1)
    sys.stderr = _text_stream(log, "stderr", "error", 2)
    return log


def _text_stream(log: LogFile, source: str, level: str, fd: int) -> io.TextIOWrapper:
    raw = _LineStream(log, source, level, fd)
    return io.TextIOWrapper(
        raw,  # type: ignore[arg-type]  # unbuffered on purpose: each write is cut into lines at once
        encoding="utf-8",
        errors="backslashreplace",
        write_through=True,
    )


def finish_streams() -> None:
    """Log what was printed without a newline at the end."""
    for stream in (sys.stdout, sys.stderr):
        raw = getattr(stream, "buffer", None)
        if isinstance(raw, _LineStream):
            stream.flush()
            raw.finish()
