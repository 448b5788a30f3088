from collections import namedtuple
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
import pytest

from support.authoring import Work
from tradewind.sdk import DAG, BaseNotifier, literal, task
from tradewind.sdk.templater import Templater, create_template_env, render

Pair = namedtuple("Pair", "a b")


class Lazy(dict[str, Any]):
    """A context whose entries must not be touched unless they are used."""

    def __getitem__(self, key: str) -> Any:
        if key == "expensive":
            raise AssertionError("evaluated")
        return super().__getitem__(key)


CONTEXT = Lazy(ds="2026-01-02", number=3, expensive=None, at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC))


class Inner:
    template_fields = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def rendered(value: Any, **dag_arguments: Any) -> Any:
    with DAG("d", **dag_arguments):
        operator = Work(task_id="a", text=value)
    operator.render_template_fields(CONTEXT)
    return operator.text


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("plain", "plain"),
        ("one newline\n", "one newline"),
        ("{{ ds }}", "2026-01-02"),
        ("{% if number > 2 %}big{% endif %}", "big"),
        ("{{ at | ds_nodash }} {{ at | ts_nodash }} {{ at | ts_nodash_with_tz }}", None),
        ("{# nothing #}", ""),
        (["{{ ds }}", {"{{ ds }}": "{{ number }}"}], ["2026-01-02", {"{{ ds }}": "3"}]),
        (("{{ ds }}", 1), ("2026-01-02", 1)),
        (Pair("{{ ds }}", "x"), Pair("2026-01-02", "x")),
        ({"{{ ds }}"}, {"2026-01-02"}),
        (literal("{{ ds }}"), "{{ ds }}"),
        (5, 5),
        (Path("{{ ds }}"), Path("{{ ds }}")),
        (lambda context, jinja_env: context["ds"] + "!", "2026-01-02!"),
    ],
)
def test_what_is_rendered(template: Any, expected: Any) -> None:
    if expected is None:
        expected = "20260102 20260102T030400 20260102T030400+0000"
    assert rendered(template) == expected


def test_objects_with_template_fields_are_rendered_inside() -> None:
    inner = Inner("{{ ds }}")

    assert rendered([inner]) == [inner]
    assert inner.text == "2026-01-02"


def test_an_undefined_name_fails_and_says_where() -> None:
    with pytest.raises(jinja2.UndefinedError, match="nonsense") as caught:
        rendered("{{ nonsense }}")
    assert "template field 'text' of <Task(Work): a>" in caught.value.__notes__[0]

    assert rendered("[{{ nonsense }}]", template_undefined=jinja2.Undefined) == "[]"


def test_native_values_keep_their_type() -> None:
    assert rendered("{{ number }}", render_template_as_native_obj=True) == 3
    assert rendered("[1, 2]", render_template_as_native_obj=True) == [1, 2]

    with DAG("d", render_template_as_native_obj=True):
        operator = Work(task_id="a", text="{{ number }}", render_template_as_native_obj=False)
    operator.render_template_fields(CONTEXT)
    assert operator.text == "3"


def test_macros_filters_and_options_of_the_dag() -> None:
    assert (
        rendered(
            "<< shout('x') >> << ds | twice >>",
            user_defined_macros={"shout": str.upper},
            user_defined_filters={"twice": lambda text: text * 2},
            jinja_environment_kwargs={"variable_start_string": "<<", "variable_end_string": ">>"},
        )
        == "X 2026-01-022026-01-02"
    )


def test_internals_are_closed_and_private_names_open() -> None:
    class Thing:
        _private = "seen"

    env = create_template_env()
    assert render(env.from_string("{{ t._private }}"), {"t": Thing()}) == "seen"
    with pytest.raises(jinja2.exceptions.SecurityError):
        render(env.from_string("{{ t.__class__.__mro__ }}"), {"t": Thing()})


def test_files_by_suffix(tmp_path: Path) -> None:
    (tmp_path / "query.sql").write_text("select '{{ ds }}'\n")

    class Query(Work):
        template_ext = (".sql",)

    with DAG("d", template_searchpath=str(tmp_path)):
        operator = Query(task_id="a", text=["query.sql", "{{ ds }}"])
        direct = Query(task_id="b", text="query.sql")

    operator.resolve_template_files()
    assert operator.text == ["select '{{ ds }}'\n", "{{ ds }}"]
    operator.render_template_fields(CONTEXT)
    direct.render_template_fields(CONTEXT)
    assert operator.text == ["select '2026-01-02'", "2026-01-02"]
    assert direct.text == "select '2026-01-02'"


def test_a_missing_template_file_is_named() -> None:
    class Query(Work):
        template_ext = (".sql",)

    with DAG("d"):
        operator = Query(task_id="a", text="absent.sql")
    with pytest.raises(jinja2.TemplateNotFound, match=r"absent\.sql"):
        operator.render_template_fields(CONTEXT)


def test_a_field_that_does_not_exist_is_named() -> None:
    class Wrong(Templater):
        template_fields = ("absent",)

    with pytest.raises(AttributeError, match="'absent' is configured as a template field"):
        Wrong().render_template_fields({})


def test_results_of_other_tasks_are_values_not_templates() -> None:
    @task
    def give() -> str:
        return ""

    class Instance:
        def xcom_pull(self, **which: Any) -> str:
            return "{{ ds }}"

    with DAG("d"):
        operator = Work(task_id="a", text=[give(), "{{ ds }}"])
    operator.render_template_fields({"ti": Instance(), "ds": "x"})

    assert operator.text == ["{{ ds }}", "x"]


def test_a_notifier_renders_itself_and_its_fields_are_in_the_context() -> None:
    sent: list[Any] = []

    class Tell(BaseNotifier):
        template_fields = ("message",)

        def __init__(self, message: str) -> None:
            self.message = message
            super().__init__()

        def notify(self, context: Any) -> None:
            sent.append((self.message, context["message"]))

    Tell("{{ number }}")({"number": 3, "dag": DAG("d")})

    assert sent == [("3", "{{ number }}")]
