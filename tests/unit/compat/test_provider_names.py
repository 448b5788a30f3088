"""What provider packages import of Airflow's small helpers."""

import logging
import os
import pickle
import subprocess
import sys
import types
import warnings
from pathlib import Path

import pytest

from tradewind import compat
from tradewind.core.errors import UserError
from tradewind.sdk import masking

compat.install()


def a_package(name: str) -> types.ModuleType:
    """A module as one that has just begun to be imported."""
    module = sys.modules[name] = types.ModuleType(name)
    return module


def test_old_places_of_names_redirect_with_a_warning() -> None:
    from airflow.utils.deprecation_tools import DeprecatedImportWarning, add_deprecated_classes

    package = a_package("acme_old")
    moved = {"acme_old": {"Path": "pathlib.Path"}, "words": {"dedent": "textwrap.dedent"}}
    add_deprecated_classes(moved, "acme_old")
    with pytest.warns(DeprecatedImportWarning, match=r"`acme_old.Path`.* use `'pathlib.Path'`"):
        assert package.Path is Path
    namespace: dict[str, object] = {}
    with pytest.warns(DeprecatedImportWarning, match=r"acme_old\.words\.dedent"):
        exec("from acme_old.words import dedent", namespace)
    assert namespace["dedent"].__module__ == "textwrap"
    with pytest.raises(ImportError):
        exec("from acme_old.words import nonsense", {})


def test_a_whole_module_may_have_moved_and_the_warning_may_say_otherwise() -> None:
    from airflow.utils.deprecation_tools import add_deprecated_classes

    a_package("acme_moved")
    add_deprecated_classes(
        {"paths": {"*": "pathlib"}},
        "acme_moved",
        override_deprecated_classes={"paths": {"Path": "the new one"}},
        extra_message="Since 3.0",
    )
    with pytest.warns(FutureWarning, match=r"use `'the new one'`\. Since 3\.0\."):
        exec("from acme_moved.paths import Path", {})
    assert not hasattr(sys.modules["acme_moved.paths"], "__path__")


def test_a_module_that_is_there_stays() -> None:
    from airflow.utils.deprecation_tools import add_deprecated_classes

    a_package("acme_kept")
    kept = a_package("acme_kept.words")
    add_deprecated_classes({"words": {"dedent": "textwrap.dedent"}}, "acme_kept")
    assert sys.modules["acme_kept.words"] is kept
    assert not hasattr(kept, "dedent")


def test_a_secrets_backend_needs_two_methods() -> None:
    from airflow.secrets import BaseSecretsBackend

    class Store(BaseSecretsBackend):
        def get_conn_value(self, conn_id: str, team_name: str | None = None) -> str | None:
            return {"db": "postgres://me@host/base", "j": '{"conn_type": "http"}'}.get(conn_id)

    store = Store()
    assert store.get_connection("db").host == "host"
    assert store.get_connection("j").conn_type == "http"
    assert store.get_connection("other") is None
    assert store.build_path("airflow/connections", "db") == "airflow/connections/db"
    assert store.get_config("key") is None
    with pytest.raises(TypeError, match=r"Store does not define get_variable\(\)"):
        store.get_variable("x")


def test_environment_variables_are_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.utils.process_utils import patch_environ

    monkeypatch.setenv("TW_OLD", "before")
    monkeypatch.delenv("TW_NEW", raising=False)
    with patch_environ({"TW_OLD": "in", "TW_NEW": "in"}):
        assert (os.environ["TW_OLD"], os.environ["TW_NEW"]) == ("in", "in")
    assert os.environ["TW_OLD"] == "before"
    assert "TW_NEW" not in os.environ


def test_a_user_without_a_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.utils.platform import getuser

    def unknown() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    getuser.cache_clear()
    monkeypatch.setattr("getpass.getuser", unknown)
    with pytest.raises(UserError, match="no user name"):
        getuser()


def test_facts_about_the_machine() -> None:
    from airflow.utils.hashlib_wrapper import md5
    from airflow.utils.net import get_hostname
    from airflow.utils.platform import getuser

    getuser.cache_clear()
    assert getuser()
    assert get_hostname()
    assert md5(b"").hexdigest() == "d41d8cd98f00b204e9800998ecf8427e"


def test_a_mail_for_another_library_to_send(tmp_path: Path) -> None:
    from airflow.utils.email import build_mime_message

    (tmp_path / "report.csv").write_text("a,b")
    message, recipients = build_mime_message(
        "me@x", "a@x, b@x", "Hello", "<b>hi</b>", [str(tmp_path / "report.csv")],
        cc=["c@x"], bcc="d@x", custom_headers={"Reply-To": "r@x"},
    )  # fmt: skip

    assert recipients == ["a@x", "b@x", "c@x", "d@x"]
    assert (message["To"], message["CC"], message["Bcc"]) == ("a@x, b@x", "c@x", None)
    assert (message["From"], message["Reply-To"]) == ("me@x", "r@x")
    body, attachment = message.get_payload()
    assert body.get_payload(decode=True) == b"<b>hi</b>"
    assert attachment.get_filename() == "report.csv"
    assert attachment.get_payload(decode=True) == b"a,b"


def write_script(tmp_path: Path, source: str) -> list[str]:
    from airflow.providers.standard.utils.python_virtualenv import write_python_script

    script = str(tmp_path / "script.py")
    context = {"python_callable_source": source, "python_callable": "f"}
    write_python_script(jinja_context={**context, "pickling_library": "pickle"}, filename=script)
    files = (tmp_path / "in", tmp_path / "out", Path("none"), tmp_path / "error")
    return [sys.executable, script, *map(str, files)]


def test_a_function_is_sent_with_and_without_arguments(tmp_path: Path) -> None:
    command = write_script(tmp_path, "def f(x=1, *, y=0):\n    return {'sum': x + y}")
    (tmp_path / "in").write_bytes(b"")
    subprocess.run(command, check=True)
    assert pickle.loads((tmp_path / "out").read_bytes()) == {"sum": 1}

    (tmp_path / "in").write_bytes(pickle.dumps({"args": [3], "kwargs": {"y": 4}}))
    subprocess.run(command, check=True)
    assert pickle.loads((tmp_path / "out").read_bytes()) == {"sum": 7}


def test_an_error_of_a_function_that_was_sent_is_written_down(tmp_path: Path) -> None:
    command = write_script(tmp_path, "def f():\n    raise ValueError('no such thing')")
    (tmp_path / "in").write_bytes(b"")
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1
    assert (tmp_path / "error").read_text() == "ValueError: no such thing"


def test_a_virtual_environment_for_a_provider(tmp_path: Path) -> None:
    from airflow.providers.standard.utils.python_virtualenv import prepare_virtualenv

    python = prepare_virtualenv(str(tmp_path / "made"), sys.executable, requirements=None)
    code = "import sys; print(sys.prefix)"
    said = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == str(tmp_path / "made")


def test_log_handlers_can_be_imported_but_not_used() -> None:
    from airflow.utils.log.file_task_handler import FileTaskHandler

    class S3TaskHandler(FileTaskHandler):
        pass

    assert issubclass(S3TaskHandler, logging.Handler)
    with pytest.raises(UserError, match="S3TaskHandler is a log handler of Airflow's"):
        S3TaskHandler("/logs")


def test_codes_for_terminals_are_removed() -> None:
    from airflow.utils.log.logging_mixin import remove_escape_codes

    assert remove_escape_codes("\x1b[31;1mred\x1b[0m and \x1b[2Kplain") == "red and plain"


def test_redacting_asks_the_process_that_knows_the_secrets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from airflow.utils.log.secrets_masker import redact

    assert redact({"password": "x"}) == {"password": "x"}
    monkeypatch.setattr(masking, "redactor", lambda value, name: (name, "***"))
    assert redact("secret", "password") == ("password", "***")


def test_hooks_pass_on_who_the_task_is() -> None:
    from airflow.sdk.execution_time.context import (
        AIRFLOW_VAR_NAME_FORMAT_MAPPING,
        DEFAULT_FORMAT_PREFIX,
        context_to_airflow_vars,
    )

    key = AIRFLOW_VAR_NAME_FORMAT_MAPPING["AIRFLOW_CONTEXT_TASK_ID"]
    ti = types.SimpleNamespace(dag_id="d", task_id="t", try_number=1)
    assert context_to_airflow_vars({"ti": ti})[key["default"]] == "t"
    assert context_to_airflow_vars({"ti": ti}, True)[key["env_var_format"]] == "t"
    assert key["default"].removeprefix(DEFAULT_FORMAT_PREFIX) == "task_id"


def test_plugins_of_provider_packages_make_no_note() -> None:
    from airflow.sdk.plugins_manager import AirflowPlugin

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        type("AcmePlugin", (AirflowPlugin,), {"__module__": "airflow.providers.acme.plugins"})
    with pytest.warns(DeprecationWarning, match="MyPlugin"):
        type("MyPlugin", (AirflowPlugin,), {"__module__": "my_plugins"})


@pytest.mark.parametrize(
    ("path", "is_one"), [("a.b_1.C", True), ("a", True), ("a..b", False), ("1a", False), (5, False)]
)
def test_dotted_names(path: object, is_one: bool) -> None:
    from airflow.sdk._shared.module_loading import is_valid_dotpath

    assert is_valid_dotpath(path) is is_one


def test_an_argument_that_nobody_gave() -> None:
    from airflow.sdk.definitions._internal.types import NOTSET, is_arg_set

    assert is_arg_set(None)
    assert not is_arg_set(NOTSET)


def test_what_needs_airflows_database_says_so() -> None:
    from airflow.models.asset import expand_alias_to_assets
    from airflow.models.taskinstance import TaskInstanceKey, clear_task_instances

    assert TaskInstanceKey("d", "t", "r").map_index == -1
    for call in (expand_alias_to_assets, clear_task_instances):
        with pytest.raises(UserError, match="needs Airflow's metadata database"):
            call([])


def test_only_message_queues_that_can_be_imported_are_offered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from airflow.providers_manager import ProvidersManager

    paths = ["nowhere.Kafka", "queue.SimpleQueue", "queue.Nonsense"]
    described = {"queues": [(None, path) for path in paths]}
    monkeypatch.setattr("tradewind.sdk.providers.described", described.__getitem__)
    manager = ProvidersManager()
    manager.initialize_providers_queues()
    assert manager.queue_class_names == ["queue.SimpleQueue"]


def test_pods_are_sent_as_they_are() -> None:
    from airflow.settings import pod_mutation_hook

    pod = {"kind": "Pod"}
    assert pod_mutation_hook(pod) is None
    assert pod == {"kind": "Pod"}
