"""Import statements: renamed, merged, sorted where they stand, and dropped when unused."""

import pytest

from unit.upgrade.rewriting import lines, upgraded

_EMPTY = "airflow.providers.standard.operators.empty"
_BASH = "airflow.providers.standard.operators.bash"
_PYTHON = "airflow.providers.standard.operators.python"

CASES = {
    "a module that moved": (
        """
        from airflow.operators.bash_operator import BashOperator
        BashOperator
        """,
        f"""
        from {_BASH} import BashOperator
        BashOperator
        """,
    ),
    "a class with another name": (
        """
        from airflow.operators.dummy import DummyOperator
        class Mine(DummyOperator): pass
        def f() -> DummyOperator: return DummyOperator.template_fields
        """,
        f"""
        from {_EMPTY} import EmptyOperator
        class Mine(EmptyOperator): pass
        def f() -> EmptyOperator: return EmptyOperator.template_fields
        """,
    ),
    "a class that was renamed twice": (
        """
        from airflow.operators.http_operator import SimpleHttpOperator
        SimpleHttpOperator()
        """,
        """
        from airflow.providers.http.operators.http import HttpOperator
        HttpOperator()
        """,
    ),
    "an alias stays": (
        """
        from airflow.operators.dummy_operator import DummyOperator as Nothing
        Nothing()
        """,
        f"""
        from {_EMPTY} import EmptyOperator as Nothing
        Nothing()
        """,
    ),
    "a name that is taken gets an alias": (
        """
        from airflow.operators.dummy import DummyOperator
        EmptyOperator = 1
        DummyOperator()
        """,
        f"""
        from {_EMPTY} import EmptyOperator as DummyOperator
        EmptyOperator = 1
        DummyOperator()
        """,
    ),
    "merged, sorted and unused ones dropped, comments kept": (
        """
        x = 1
        # Above.
        from airflow.utils.task_group import TaskGroup
        from airflow import DAG  # the DAG
        import os
        from airflow.decorators import (
            task,
            dag,
        )
        from airflow.operators.python import PythonOperator, BranchPythonOperator, task as job
        from airflow.hooks.base_hook import BaseHook
        DAG, TaskGroup, task, dag, BranchPythonOperator, PythonOperator
        """,
        f"""
        x = 1
        from airflow import DAG  # the DAG
        from {_PYTHON} import (
            BranchPythonOperator,
            PythonOperator,
        )
        import os
        # Above.
        from airflow.sdk import TaskGroup, dag, task
        DAG, TaskGroup, task, dag, BranchPythonOperator, PythonOperator
        """,
    ),
    "a long line is broken": (
        """
        from airflow.operators.python import PythonOperator, ShortCircuitOperator, get_current_context
        from airflow.operators.python import BranchPythonOperator
        PythonOperator, ShortCircuitOperator, BranchPythonOperator, get_current_context
        """,  # noqa: E501
        f"""
        from {_PYTHON} import (
            BranchPythonOperator,
            PythonOperator,
            ShortCircuitOperator,
        )
        from airflow.sdk import get_current_context
        PythonOperator, ShortCircuitOperator, BranchPythonOperator, get_current_context
        """,
    ),
    "a module with an alias": (
        """
        import airflow.operators.bash_operator as x
        x.BashOperator(x.BashOperator.ui_color)
        """,
        f"""
        from {_BASH} import BashOperator
        BashOperator(BashOperator.ui_color)
        """,
    ),
    "a module below airflow, beside airflow itself": (
        """
        import airflow.operators.bash_operator
        airflow.operators.bash_operator.BashOperator(dag=airflow.DAG("x"))
        """,
        f"""
        import airflow
        from {_BASH} import BashOperator
        BashOperator(dag=airflow.DAG("x"))
        """,
    ),
    "a module out of a package": (
        """
        from airflow.operators import dummy_operator as d, bash
        def f():
            return d.DummyOperator, bash.BashOperator
        """,
        f"""
        from {_BASH} import BashOperator
        from {_EMPTY} import EmptyOperator
        def f():
            return EmptyOperator, BashOperator
        """,
    ),
    "in functions and branches": (
        """
        try:
            from airflow.operators.empty import EmptyOperator
        except ImportError:
            from airflow.operators.dummy import DummyOperator as EmptyOperator
        def f():
            from airflow.operators.dummy import DummyOperator
            return DummyOperator, EmptyOperator
        def g():
            from airflow.operators.dummy import DummyOperator
        """,
        f"""
        try:
            from {_EMPTY} import EmptyOperator
        except ImportError:
            from {_EMPTY} import EmptyOperator
        def f():
            from {_EMPTY} import EmptyOperator
            return EmptyOperator, EmptyOperator
        def g():
            pass
        """,
    ),
    "shadowed names are others": (
        """
        from airflow.operators.dummy import DummyOperator
        def f(DummyOperator):
            return DummyOperator
        DummyOperator()
        """,
        f"""
        from {_EMPTY} import EmptyOperator
        def f(DummyOperator):
            return DummyOperator
        EmptyOperator()
        """,
    ),
    "the licence above a dropped import stays": (
        """
        # Licence
        from airflow.hooks.base_hook import BaseHook
        import os
        """,
        """
        # Licence
        import os
        """,
    ),
    "apply_defaults": (
        """
        from airflow.models import BaseOperator
        from airflow.utils.decorators import apply_defaults
        class Mine(BaseOperator):
            @apply_defaults
            def __init__(self): pass
        """,
        """
        from airflow.models import BaseOperator
        class Mine(BaseOperator):
            def __init__(self): pass
        """,
    ),
    "what Airflow only passed on": (
        """
        from airflow.utils.dates import timedelta
        timedelta(1)
        """,
        """
        from datetime import timedelta
        timedelta(1)
        """,
    ),
    "imports that are not Airflow's": (
        """
        import os, sys
        from dummy_operator import DummyOperator
        from .airflow.operators.dummy import DummyOperator as Other
        """,
        """
        import os, sys
        from dummy_operator import DummyOperator
        from .airflow.operators.dummy import DummyOperator as Other
        """,
    ),
}


@pytest.mark.parametrize(("old", "new"), CASES.values(), ids=CASES)
def test_imports(old: str, new: str) -> None:
    assert lines(upgraded(old)[0]) == lines(new)


def test_other_files_may_import_from_a_package() -> None:
    source = "from airflow.operators.dummy import DummyOperator\n"

    assert upgraded(source)[0].strip() == ""
    assert upgraded(source, "dags/__init__.py")[0] == (
        f"from {_EMPTY} import EmptyOperator as DummyOperator\n"
    )


@pytest.mark.parametrize(
    ("line", "source", "note"),
    [
        (1, "from airflow.operators.subdag import SubDagOperator\nSubDagOperator()", "TaskGroup"),
        (1, "from airflow.operators.bash_operator import *", "name what you import"),
        (1, "from airflow.no_such import thing\nthing", "no 'airflow.no_such.thing'"),
        (1, "import airflow.no_such", "no 'airflow.no_such'"),
        (2, "from airflow.utils import dates\ndates.round_time()", "round_time is an old name"),
        (
            3,
            "import airflow.operators.dummy as d\nEmptyOperator = 1\nd.DummyOperator()",
            "The name is taken in this file",
        ),
    ],
)
def test_what_has_no_modern_form_is_noted_and_stays(line: int, source: str, note: str) -> None:
    text, notes = upgraded(source)

    assert text == source
    assert len(notes) == 1
    assert note in notes[0]
    assert notes[0].startswith(f"{line}: ")
