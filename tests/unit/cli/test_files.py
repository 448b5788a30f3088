import stat
from pathlib import Path

import pytest

from tradewind.cli.files import FILE_FORMATS, file_format, parse_object, read_object, write_object
from tradewind.core.errors import UserError


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.json", "json"),
        ("a.yml", "yaml"),
        ("a.YAML", "yaml"),
        ("a.env", "env"),
        (".env", "env"),
        ("a", "json"),
        ("-", "json"),
    ],
)
def test_the_name_says_the_format(name: str, expected: str) -> None:
    assert file_format(Path(name)) == expected


@pytest.mark.parametrize("kind", FILE_FORMATS)
def test_what_was_written_is_read(tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"x.{kind}"
    values = {"a": "1=2 ü", "B_C": ""}
    write_object(file, values, kind)
    assert read_object(file) == values


def test_a_private_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.touch(mode=0o644)
    write_object(file, {"a": 1}, "json", private=True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_half_a_surrogate_is_written_as_json_writes_it(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    write_object(file, {"a": "\udcff"}, "json")
    assert read_object(file) == {"a": "\udcff"}


def test_a_dash_is_the_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    write_object(Path("-"), {"a": "b"}, "env")
    assert capsys.readouterr().out == "a=b\n"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "{", "not valid JSON: .* line 1"),
        ("a.json", "[1]", "must hold an object"),
        ("a.yaml", "a: [", "not valid YAML"),
        ("a.yaml", "", "must hold an object"),
        ("a.json", '{"a": NaN}', "NaN is not a number"),
        ("a.json", '{"a": 1e999}', "1e999 is not a number"),
        ("a.json", "[" * 100_000, "nested too deeply"),
        ("a.yaml", "[" * 3_000, "nested too deeply"),
        ("a.yaml", "a: 2026-02-30", "not valid YAML"),
        ("a.yaml", "1: x", "the name 1 is not a text"),
        ("a.env", "# fine\n\nA=1\nB", "line 4: 'B' is not of the form NAME=value"),
        ("a.env", "A=1\nA=2", "line 2: A is there twice"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        read_object(file)
    assert str(file) in str(caught.value)


def test_no_file_and_no_text(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_object(tmp_path / "none.json")
    with pytest.raises(UserError, match="cannot be written: No such file"):
        write_object(tmp_path / "no" / "x.json", {}, "json")
    (tmp_path / "x.json").write_bytes(b"\xff")
    with pytest.raises(UserError, match="not text in UTF-8"):
        read_object(tmp_path / "x.json")


def test_an_object_on_the_command_line() -> None:
    assert parse_object('{"a": 1}', "--conf") == {"a": 1}
    with pytest.raises(UserError, match=r"--conf is not valid JSON: .*char 1\)"):
        parse_object("{a", "--conf")
    with pytest.raises(UserError, match="Exceeds the limit"):
        parse_object('{"a": 1' + "0" * 5000 + "}", "--conf")
    with pytest.raises(UserError, match=r"--conf must be a JSON object, not \[1\]"):
        parse_object("[1]", "--conf")
