"""Arguments of DAGs and operators, schedules and dates."""

import pytest

from unit.upgrade.rewriting import lines, upgraded

_DAG = "import pendulum, pytz\nfrom airflow import DAG\nfrom datetime import datetime, timedelta\n"
_SCHEDULES = {
    '"@daily", start_date=datetime(2026, 1, 1)': (
        'CronDataIntervalTimetable("@daily", timezone="UTC"), catchup=True, '
        "start_date=datetime(2026, 1, 1)"
    ),
    '"0 5 * * *", catchup=False, start_date=datetime(2026, 1, 1)': (
        'CronDataIntervalTimetable("0 5 * * *", timezone="UTC"), catchup=False, '
        "start_date=datetime(2026, 1, 1)"
    ),
    '"@daily"': 'CronDataIntervalTimetable("@daily", timezone="UTC")',
    "None, start_date=datetime(2026, 1, 1)": "None, start_date=datetime(2026, 1, 1)",
    '"@once", default_args={"start_date": datetime(2026, 1, 1)}': (
        '"@once", default_args={"start_date": datetime(2026, 1, 1)}'
    ),
    'timedelta(days=1), default_args={"start_date": datetime.now()}': (
        "DeltaDataIntervalTimetable(timedelta(days=1)), catchup=True, "
        'default_args={"start_date": datetime.now()}'
    ),
}
_ZONES = {
    'pendulum.datetime(2026, 1, 1, tz="Europe/Berlin")': "Europe/Berlin",
    "pendulum.datetime(2026, 1, 1)": "UTC",
    'datetime(2026, 1, 1, tzinfo=pendulum.timezone("Asia/Tokyo"))': "Asia/Tokyo",
    'datetime(2026, 1, 1, tzinfo=pytz.timezone("Asia/Tokyo")) - timedelta(days=1)': "Asia/Tokyo",
    'pendulum.today("Europe/Paris").subtract(days=2)': "Europe/Paris",
    'datetime.strptime("2026", "%Y").replace(tzinfo=pytz.UTC)': "UTC",
}


@pytest.mark.parametrize(("old", "new"), _SCHEDULES.items())
def test_a_schedule_keeps_its_meaning(old: str, new: str) -> None:
    text, notes = upgraded(f'{_DAG}DAG("x", schedule_interval={old})')

    assert text.splitlines()[-1] == f'DAG("x", schedule={new})'
    assert notes == []


@pytest.mark.parametrize(("start_date", "zone"), _ZONES.items())
def test_a_schedule_keeps_its_time_zone(start_date: str, zone: str) -> None:
    text, _ = upgraded(
        f'{_DAG}S = {start_date}\nDAG("x", schedule_interval="@daily", start_date=S)'
    )

    assert f'CronDataIntervalTimetable("@daily", timezone="{zone}")' in text


@pytest.mark.parametrize(
    "arguments",
    [
        'schedule_interval=Variable.get("x")',
        'schedule_interval="@daily", start_date=elsewhere.START',
        'schedule_interval="@daily", default_args=elsewhere.ARGS',
        'schedule_interval="@daily", default_args={**elsewhere.ARGS}',
        'schedule_interval="@daily", start_date=datetime(2026, 1, 1, 0, 0, 0, 0, ZONE)',
        'schedule_interval="@daily", start_date=datetime(2026, 1, 1, tzinfo=elsewhere.ZONE)',
    ],
)
def test_a_schedule_that_cannot_be_read_is_left_and_noted(arguments: str) -> None:
    source = f'{_DAG}import elsewhere\nDAG("x", {arguments})'
    text, notes = upgraded(source)

    assert text == source
    assert len(notes) == 1
    assert notes[0].startswith("5: schedule_interval=")


CASES = {
    "layout": (
        """
        from airflow import DAG
        dag = DAG(
            "x",
            concurrency=3,
            default_view="graph",  # gone
            # above the last
            fail_stop=True,
            sla_miss_callback=None
        )
        """,
        """
        from airflow import DAG
        dag = DAG(
            "x",
            max_active_tasks=3,
            # above the last
            fail_fast=True
        )
        """,
        ["9: sla_miss_callback is gone: use deadline=DeadlineAlert(...)."],
    ),
    "positional": (
        """
        from airflow import DAG
        DAG("x", "about", "@once", start_date=None)
        """,
        """
        from airflow import DAG
        DAG("x", description="about", schedule="@once", start_date=None)
        """,
        [],
    ),
    "a timetable": (
        """
        from airflow.decorators import dag
        from mine import Workdays
        @dag(timetable=Workdays(), start_date=START)
        def x(): pass
        """,
        """
        from airflow.sdk import dag
        from mine import Workdays
        @dag(schedule=Workdays(), catchup=True, start_date=START)
        def x(): pass
        """,
        [],
    ),
    "default_args": (
        """
        from airflow import DAG
        ARGS = {'owner': 'me', 'provide_context': True, 'trigger_rule': 'dummy', "sla": 1}
        other = dict(task_concurrency=1, xcom_push=True, adhoc=True)
        DAG("x", default_args=ARGS)
        DAG("y", default_args=other)
        """,
        """
        from airflow import DAG
        ARGS = {'owner': 'me', 'trigger_rule': 'always'}
        other = dict(max_active_tis_per_dag=1, do_xcom_push=True)
        DAG("x", default_args=ARGS)
        DAG("y", default_args=other)
        """,
        ["3: sla is gone: use a DeadlineAlert of the DAG."],
    ),
    "operators": (
        """
        from airflow.providers.standard.operators.python import PythonOperator
        from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
        from airflow.sdk import TriggerRule, task
        PythonOperator(task_id="a", provide_context=True, python_callable=f, task_concurrency=1)
        PythonOperator.partial(task_id="b", provide_context=True).expand(op_args=[])
        TriggerDagRunOperator(task_id="c", trigger_dag_id="d", execution_date=x)
        task(provide_context=True, trigger_rule=TriggerRule.DUMMY)(f)
        """,
        """
        from airflow.providers.standard.operators.python import PythonOperator
        from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
        from airflow.sdk import TriggerRule, task
        PythonOperator(task_id="a", python_callable=f, max_active_tis_per_dag=1)
        PythonOperator.partial(task_id="b").expand(op_args=[])
        TriggerDagRunOperator(task_id="c", trigger_dag_id="d", logical_date=x)
        task(trigger_rule=TriggerRule.ALWAYS)(f)
        """,
        [],
    ),
    "what is said in another way": (
        """
        from airflow.providers.standard.operators.python import PythonVirtualenvOperator
        from airflow.operators.dagrun_operator import TriggerDagRunOperator
        from airflow.sdk import task
        PythonVirtualenvOperator(task_id="a", use_dill=True, python_callable=f)
        task.virtualenv(use_dill=False, requirements=[])(f)
        TriggerDagRunOperator(task_id="b", trigger_dag_id="d", python_callable=f)
        """,
        """
        from airflow.providers.standard.operators.python import PythonVirtualenvOperator
        from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
        from airflow.sdk import task
        PythonVirtualenvOperator(task_id="a", serializer="dill", python_callable=f)
        task.virtualenv(requirements=[])(f)
        TriggerDagRunOperator(task_id="b", trigger_dag_id="d", python_callable=f)
        """,
        [
            "7: python_callable of TriggerDagRunOperator is gone: write conf=, and a"
            " ShortCircuitOperator before it if it is not always to trigger."
        ],
    ),
    "classes of the file's own": (
        """
        from airflow.models import BaseOperator
        from elsewhere import Other
        class Mine(BaseOperator):
            def __init__(self, x, **kwargs): pass
        class Wants(BaseOperator):
            def __init__(self, provide_context, **kwargs): pass
        Mine(task_id="a", provide_context=True, x=1)
        Wants(task_id="b", provide_context=True)
        Other(task_id="c", provide_context=True)
        function(sla=1)
        """,
        """
        from airflow.models import BaseOperator
        from elsewhere import Other
        class Mine(BaseOperator):
            def __init__(self, x, **kwargs): pass
        class Wants(BaseOperator):
            def __init__(self, provide_context, **kwargs): pass
        Mine(task_id="a", x=1)
        Wants(task_id="b", provide_context=True)
        Other(task_id="c", provide_context=True)
        function(sla=1)
        """,
        ["10: provide_context is left: old, unless Other takes it itself."],
    ),
    "both names": (
        """
        from airflow import DAG
        DAG("x", concurrency=1, max_active_tasks=2)
        """,
        """
        from airflow import DAG
        DAG("x", concurrency=1, max_active_tasks=2)
        """,
        ["3: concurrency is now called max_active_tasks: both are here."],
    ),
    "days_ago": (
        """
        import airflow
        from airflow.utils.dates import days_ago
        from datetime import timedelta
        A = days_ago(2) + timedelta(hours=1)
        B = days_ago(n=1, hour=3)
        C = airflow.utils.dates.days_ago(0)
        """,
        """
        from datetime import timedelta
        import pendulum
        A = pendulum.datetime(2026, 3, 8) + timedelta(hours=1)
        B = pendulum.datetime(2026, 3, 9, hour=3)
        C = pendulum.datetime(2026, 3, 10)
        """,
        [
            f"{line}: {text} moved with each look at the file; now it is a fixed date."
            " Choose the one that you mean."
            for line, text in (
                (5, "days_ago(2)"),
                (6, "days_ago(n=1, hour=3)"),
                (7, "airflow.utils.dates.days_ago(0)"),
            )
        ],
    ),
}


@pytest.mark.parametrize(("old", "new", "notes"), CASES.values(), ids=CASES)
def test_arguments(old: str, new: str, notes: list[str]) -> None:
    text, said = upgraded(old)

    assert lines(text) == lines(new)
    assert said == notes


def test_days_ago_of_a_number_that_cannot_be_read_is_left_and_noted() -> None:
    source = "from airflow.utils.dates import days_ago\ndays_ago(N)\n"
    text, notes = upgraded(source)

    assert text == source
    assert ["write a fixed start_date" in note for note in notes] == [True]
