"""Old names of the context in Python code and in template strings."""

import pytest

from unit.upgrade.rewriting import lines, upgraded

_INTERVALS = "from airflow.sdk import DAG, task, get_current_context\n"
_INTERVALS += "from airflow.sdk import CronDataIntervalTimetable\n"
_INTERVALS += 'DAG("x", schedule=CronDataIntervalTimetable("@daily", timezone="UTC"))\n'

CHANGED = {
    "def f(**kwargs): return kwargs['execution_date']": (
        "def f(**kwargs): return kwargs['logical_date']"
    ),
    'def f(context): return context.get("execution_date", 1)': (
        'def f(context): return context.get("logical_date", 1)'
    ),
    'def f(**c): return c["next_ds"][:4]': (
        'def f(**c): return c["data_interval_end"].strftime("%Y-%m-%d")[:4]'
    ),
    'x = get_current_context()\nx["tomorrow_ds_nodash"]': (
        'x = get_current_context()\nx["logical_date"].add(days=1).strftime("%Y%m%d")'
    ),
    'get_current_context()["execution_date"]': 'get_current_context()["logical_date"]',
    "def f(**c): return f\"{c['execution_date']} {c['yesterday_ds']}\"": (
        "def f(**c): return f\"{c['logical_date']} "
        "{c['logical_date'].subtract(days=1).strftime('%Y-%m-%d')}\""
    ),
    'def f(**c): c["dag_run"].execution_date': 'def f(**c): c["dag_run"].logical_date',
    'def f(**c): return c["ti"].execution_date': 'def f(**c): return c["logical_date"]',
    "def f(dag_run): return dag_run.execution_date": "def f(dag_run): return dag_run.logical_date",
    "@task\ndef f(execution_date=None): return execution_date": (
        "@task\ndef f(logical_date=None): return logical_date"
    ),
    "def f(execution_date, tomorrow_ds, **c): return execution_date, tomorrow_ds\n"
    "P(python_callable=f)": (
        "def f(logical_date, **c): return logical_date, "
        'logical_date.add(days=1).strftime("%Y-%m-%d")\nP(python_callable=f)'
    ),
    '@task.branch\ndef f(next_execution_date):\n    return f"{next_execution_date}"': (
        '@task.branch\ndef f(data_interval_end):\n    return f"{data_interval_end}"'
    ),
    '@task\ndef f(*, next_ds):\n    return f"{next_ds}"': (
        "@task\ndef f(*, data_interval_end):\n"
        "    return f\"{data_interval_end.strftime('%Y-%m-%d')}\""
    ),
    'x = "{{ execution_date }}" "{{ next_ds }}"': (
        'x = "{{ logical_date }}" "{{ data_interval_end | ds }}"'
    ),
    'x = f"{{{{ execution_date }}}} {y}"': 'x = f"{{{{ logical_date }}}} {y}"',
}


@pytest.mark.parametrize(("old", "new"), CHANGED.items())
def test_what_means_the_same_is_written(old: str, new: str) -> None:
    text, notes = upgraded(_INTERVALS + old)

    assert lines(text)[3:] == lines(new)
    assert notes == []


@pytest.mark.parametrize(
    "source",
    [
        'row["execution_date"]',
        'def f(row): return row["execution_date"]',
        "def f(execution_date): return execution_date",  # called by the file's own code
        '"""{{ execution_date }}"""',
        'P(op_kwargs={"execution_date": 1})\ndef f(**c): return c["execution_date"]',
        "@task\ndef f(execution_date): return execution_date\nf(execution_date=1)",
        "x.execution_date",
    ],
)
def test_what_only_looks_alike_stays(source: str) -> None:
    assert upgraded(_INTERVALS + source) == (_INTERVALS + source, [])


@pytest.mark.parametrize(
    ("source", "note"),
    [
        ('def f(**c): return c["prev_ds"]', "prev_ds is left"),
        ('def f(**c): return c.get("tomorrow_ds")', "tomorrow_ds is left"),
        ("@task\ndef f(prev_execution_date): pass", "prev_execution_date is left"),
        ("@task\ndef f(execution_date):\n    logical_date = 1", "execution_date is left"),
        ("@task\ndef f(next_ds: str): pass", "next_ds is left"),
        ("def f(ti): return ti.execution_date", "ti.execution_date is left"),
        ('x = "{{ prev_ds }}"', "prev_ds is left"),
    ],
)
def test_what_has_no_modern_form_is_left_and_noted(source: str, note: str) -> None:
    text, notes = upgraded(_INTERVALS + source)

    assert text == _INTERVALS + source
    assert len(notes) == 1
    assert note in notes[0]


@pytest.mark.parametrize("dag", ['DAG("x", schedule="@daily")', "", 'DAG("x", schedule=[])'])
def test_without_data_intervals_the_next_run_is_not_the_intervals_end(dag: str) -> None:
    source = f'from airflow import DAG\n{dag}\nx = "{{{{ next_ds }}}}"\n'
    source += 'def f(**c): return c["next_execution_date"]'
    text, notes = upgraded(source)

    assert text == source
    assert [note.partition(" ")[0] for note in notes] == ["3:", "4:"]
