"""What operators and templates stand on: macros, configuration, times, hooks, mail, paths."""

import asyncio
import socket
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.mail import MailServer
from support.task_bench import Bench, ControlPlane, connected
from tradewind.core.protocol import ConnectionValue
from tradewind.sdk import macros, masking, timezone
from tradewind.sdk.configuration import conf
from tradewind.sdk.dag import DAG
from tradewind.sdk.exceptions import AirflowConfigException, AirflowException
from tradewind.sdk.hooks.base import BaseHook
from tradewind.sdk.hooks.filesystem import FSHook
from tradewind.sdk.hooks.package_index import PackageIndexHook
from tradewind.sdk.io.path import ObjectStoragePath
from tradewind.sdk.operators.email import EmailOperator, addresses
from tradewind.sdk.operators.smooth import SmoothOperator
from tradewind.sdk.optional import MissingPackage


def test_macros() -> None:
    assert macros.ds_add("2026-01-31", 1) == "2026-02-01"
    assert macros.ds_add("2026-01-01", -1) == "2025-12-31"
    assert macros.ds_add("2026-01-01", 0) == "2026-01-01"
    assert macros.ds_format("2026-01-31", "%Y-%m-%d", "%d.%m.%y") == "31.01.26"
    then = datetime(2026, 1, 1, tzinfo=UTC)
    assert macros.datetime_diff_for_humans(then, then + timedelta(days=2)) == "2 days before"
    assert 0 <= macros.random() < 1
    assert macros.uuid.UUID(int=1).int == 1
    assert macros.dateutil.relativedelta.relativedelta(months=1).months == 1
    assert (macros.json.dumps([1]), macros.timedelta(1), macros.datetime) == (
        *("[1]", timedelta(1), datetime),
    )
    with pytest.raises(AttributeError):
        macros.hive  # noqa: B018


@pytest.mark.parametrize("name", ["yaml", "babel"])
def test_macros_say_which_package_they_need(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingPackage, match="pip install"):
        macros.yaml if name == "yaml" else macros.ds_format_locale("2026-01-31", "%Y-%m-%d", "d")


def test_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__MY_PART__KEY", "from airflow")
    assert conf.get("my_part", "key") == "from airflow"
    monkeypatch.setenv("TRADEWIND_MY_PART__KEY", "from tradewind")
    assert conf.get("my_part", "key") == "from tradewind"
    assert conf.get("core", "default_timezone") == "utc"
    assert conf.get("no", "thing", fallback=None) is None
    with pytest.raises(AirflowConfigException, match="AIRFLOW__NO__THING"):
        conf.get("no", "thing")
    for name, value in (("A", "7"), ("B", "yes"), ("C", "a, b"), ("D", '{"x": 1}'), ("E", "x")):
        monkeypatch.setenv(f"TRADEWIND_S__{name}", value)
    assert conf.getint("s", "a") == 7
    assert conf.getfloat("s", "a") == 7.0
    assert conf.getboolean("s", "b") is True
    assert conf.getlist("s", "c") == ["a", "b"]
    assert conf.getjson("s", "d") == {"x": 1}
    monkeypatch.setenv("AIRFLOW__S__EMPTY", "")
    assert conf.getjson("s", "empty") is None
    assert conf.getjson("s", "nowhere", fallback={}) == {}
    assert conf.get_mandatory_value("s", "a", fallback=None) == "7"
    with pytest.raises(AirflowConfigException, match="AIRFLOW__S__NOWHERE"):
        conf.get_mandatory_value("s", "nowhere", fallback=None)
    assert conf.has_option("s", "a")
    assert not conf.has_option("s", "z")
    for getter in (conf.getint, conf.getfloat, conf.getboolean, conf.getjson):
        with pytest.raises(AirflowConfigException, match=r"\[s\] e is 'x', expected"):
            getter("s", "e")


def test_timezone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert timezone.parse("2026-01-15").isoformat() == "2026-01-15T00:00:00+00:00"
    assert timezone.datetime(2026, 1, 15).tzinfo is UTC
    berlin = timezone.parse_timezone("Europe/Berlin")
    aware = timezone.make_aware(datetime(2026, 7, 1, 12), berlin)
    assert timezone.convert_to_utc(aware).isoformat() == "2026-07-01T10:00:00+00:00"
    assert timezone.make_naive(aware, UTC) == datetime(2026, 7, 1, 10)
    assert timezone.coerce_datetime(None) is None
    assert timezone.is_localized(timezone.utcnow())
    assert timezone.is_naive(datetime(2026, 1, 1))
    monkeypatch.setenv("TRADEWIND_CORE__DEFAULT_TIMEZONE", "Asia/Tokyo")
    assert timezone.coerce_datetime(datetime(2026, 1, 1)).utcoffset() == timedelta(hours=9)
    with pytest.raises(ValueError, match="naive"):
        timezone.make_aware(aware)
    with pytest.raises(ValueError, match="naive"):
        timezone.make_naive(datetime(2026, 1, 1))


def test_hooks(tmp_path: Path) -> None:
    plane = ControlPlane()
    plane.connections = {
        "files": ConnectionValue(
            conn_id="files", conn_type="fs", extra=f'{{"path": "{tmp_path}"}}'
        ),
        "index": ConnectionValue(
            conn_id="index",
            conn_type="package_index",
            host="https://example.org/simple",
            login="a@b",
            password="p:q",
        ),
    }
    with connected(plane):
        assert BaseHook.get_connection("files").conn_type == "fs"
        assert [c.conn_id for c in BaseHook.get_connections("files")] == ["files"]
        assert asyncio.run(BaseHook.aget_connection("files")).conn_type == "fs"
        assert FSHook("files").get_path() == str(tmp_path)
        assert FSHook("files").test_connection()[0] is True
        assert FSHook("index").test_connection()[0] is False
        assert FSHook("files").log.name.startswith("airflow.task.hooks.")
        with pytest.raises(TypeError, match="no client"):
            BaseHook().get_conn()
        url = PackageIndexHook("index").get_connection_url()
        assert url == "https://a%40b:p%3Aq@example.org/simple"
        with pytest.raises(ValueError, match="no host"):
            PackageIndexHook("files").get_connection_url()


def test_masking_reaches_the_receiver() -> None:
    masking.mask_secret("nobody listens")
    heard: list[Any] = []
    masking.receiver = lambda secret, name: heard.append((secret, name))
    try:
        masking.mask_secret("s3cret", "password")
        masking.mask_secret("")
    finally:
        masking.receiver = None
    assert heard == [("s3cret", "password")]


def test_smooth_operator(caplog: pytest.LogCaptureFixture) -> None:
    with DAG("d", schedule=None), caplog.at_level("INFO"):
        operator = SmoothOperator(task_id="t")
        Bench().execute(operator)
    assert "Enjoy Sade" in caplog.text


# --- mail -----------------------------------------------------------------------------------------


def test_email_operator(tmp_path: Path) -> None:
    (tmp_path / "report.csv").write_text("a,b\n")
    server = MailServer()
    with DAG("d", schedule=None):
        operator = EmailOperator(
            task_id="t",
            to="ann@example.org; bob@example.org",
            cc=["cy@example.org"],
            bcc="dee@example.org",
            subject="Run {{ run_id }}",
            html_content="<b>{{ ds }}</b>",
            files=[str(tmp_path / "report.csv")],
        )
    bench = Bench()
    bench.plane.connections["smtp_default"] = ConnectionValue(
        conn_id="smtp_default",
        conn_type="smtp",
        host="127.0.0.1",
        port=server.port,
        extra='{"disable_ssl": true, "disable_tls": true, "from_email": "me@example.org"}',
    )
    bench.execute(operator)
    server.close()
    names = ["ann", "bob", "cy", "dee"]
    assert server.recipients == [f"{name}@example.org" for name in names]
    assert "Subject: Run run_1" in server.text
    assert "<b>2026-01-15</b>" in server.text
    assert 'filename="report.csv"' in server.text
    assert "dee@" not in server.text


def test_a_mail_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    monkeypatch.setenv("AIRFLOW__SMTP__SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("AIRFLOW__SMTP__SMTP_PORT", str(port))
    with DAG("d", schedule=None):
        operator = EmailOperator(task_id="t", to="a@b.c", subject="s", html_content="h")
    with pytest.raises(AirflowException, match=f"127.0.0.1:{port}"):
        Bench().execute(operator)
    assert addresses(["a@b.c, d@e.f", "g@h.i"]) == ["a@b.c", "d@e.f", "g@h.i"]


# --- paths ----------------------------------------------------------------------------------------


def test_local_paths(tmp_path: Path) -> None:
    base = ObjectStoragePath(f"file://{tmp_path}")
    file = base / "in" / "a.txt"
    file.parent.mkdir(parents=True)
    file.write_text("hello")
    assert str(file) == f"file://{tmp_path}/in/a.txt"
    assert (file.path, file.name, file.suffix) == (f"{tmp_path}/in/a.txt", "a.txt", ".txt")
    assert (file.protocol, file.bucket, file.key) == ("file", "", f"{tmp_path}/in/a.txt"[1:])
    assert file.size() == 5
    assert Path(file).read_text() == "hello"
    with file.open("a") as stream:
        stream.write("!")
    before = file.ukey()
    file.write_text("other text")
    assert file.ukey() != before
    assert [str(path) for path in base.rglob("*.txt")] == [str(file)]
    assert [path.name for path in base.iterdir()] == ["in"]
    assert file == ObjectStoragePath(str(file))
    assert file != ObjectStoragePath(file.path)
    assert len({file, ObjectStoragePath(str(file))}) == 1
    assert ObjectStoragePath(str(tmp_path), "in", "a.txt").exists()


def test_copy_and_move(tmp_path: Path) -> None:
    base = ObjectStoragePath(str(tmp_path))
    (base / "a").write_text("1")
    (base / "a").copy(base / "deep" / "b")
    (base / "a").copy(str(base / "into") + "/")
    (base / "deep").copy(base / "twin", recursive=True)
    (base / "a").move(base / "c")
    (base / "c").copy_into(base / "deep")
    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert found == ["c", "deep", "deep/b", "deep/c", "into", "into/a", "twin", "twin/b"]
    with pytest.raises(IsADirectoryError):
        (base / "deep").copy(base / "x")
    with pytest.raises(FileNotFoundError):
        (base / "nothing").copy(base / "x")
    with pytest.raises(NotADirectoryError):
        (base / "c").move_into(base / "nowhere")


def test_connection_in_the_url_and_round_trip() -> None:
    path = ObjectStoragePath("file://my_conn@/data/x")
    assert (path.conn_id, path.path) == ("my_conn", "/data/x")
    assert str(path) == "file://my_conn@/data/x"
    again = ObjectStoragePath.deserialize(path.serialize(), 1)
    assert again == path
    assert not path.samestore(ObjectStoragePath("file:///data/x"))
    assert ObjectStoragePath(path).conn_id == "my_conn"


def test_other_stores_say_what_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "upath", None)
    path = ObjectStoragePath("s3://my_conn@bucket/some/key")  # as a DAG file may, at its top
    assert (path.bucket, path.key, path.conn_id) == ("bucket", "some/key", "my_conn")
    assert str(path) == "s3://my_conn@bucket/some/key"
    with pytest.raises(
        MissingPackage, match=r"s3://bucket/some/key.*pip install universal-pathlib"
    ):
        path.exists()
