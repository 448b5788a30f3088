"""Lines of a log file, which user code may have written as well."""

import pytest

from tradewind.cli.logs import print_record


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        (b'{"ts": "never", "event": "x"}\n', "never INFO    x"),
        (b'{"ts": "9999-12-31T23:59:59-14:00", "event": "x"}\n', "INFO    x"),
        (b"\xff\0 no record\n", "no record"),
        (b'{"event": "caf\xe9"}\n', '"caf'),
        (b'{"event": ' + b"[" * 100_000, "[[["),
        (b'{"event": 5}\n', '{"event": 5}'),
    ],
)
def test_any_line_is_printed(line: bytes, printed: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_record(line, "debug")
    assert printed in capsys.readouterr().out
