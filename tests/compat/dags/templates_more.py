"""Macros, filters, user macros and filters, environment of Jinja, files, and native objects."""

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, literal

TEXTS = {
    "ds_add": "{{ macros.ds_add(ds, 5) }}",
    "ds_format": "{{ macros.ds_format(ds, '%Y-%m-%d', '%d.%m.%y') }}",
    "delta": "{{ (logical_date - macros.timedelta(days=1)) | ds }}",
    "datetime": "{{ macros.datetime(2026, 1, 2) }}",
    "ts": "{{ ts }} {{ ts_nodash }} {{ ts_nodash_with_tz }} {{ ds_nodash }}",
    "filters": "{{ logical_date | ds_nodash }} {{ logical_date | ts }} "
    "{{ logical_date | ts_nodash }} {{ logical_date | ts_nodash_with_tz }}",
    "user": "{{ shout('a') }} {{ 'b' | loud }} {{ constant }}",
    "run": "{{ run_id }} {{ dag.dag_id }} {{ task.task_id }} "
    "{{ ti.try_number }} {{ task_instance_key_str }}",
    "dag_run": "{{ dag_run.run_type }} {{ dag_run.logical_date }} {{ dag_run.conf }}",
    "interval": "{{ data_interval_start }} {{ data_interval_end }}",
    "prev": "{{ prev_data_interval_start_success }} {{ prev_start_date_success }}",
    "var": "{{ var.value.get('diff_nowhere', 'fallback') }} {{ var.value.corpus_text }} "
    "{{ var.json.corpus_json.inner[1] }}",
    "conn": "{{ conn.corpus_http.host }} {{ conn.corpus_http.extra_dejson.region }} "
    "{{ conn.get('nowhere', 'x') }}",
    "random": "{{ macros.dateutil.parser.parse('2026-01-02').year }} "
    "{{ macros.json.dumps([1]) }} {{ macros.time.gmtime(0).tm_year }}",
    "uuid": "{{ macros.uuid.UUID(int=0) }}",
    "loop": "{% for n in [1, 2] %}{{ n }},{% endfor %}",
    "inlets": "{{ inlets }} {{ outlets }}",
}

with DAG(
    "templates_more",
    schedule=None,
    catchup=False,
    user_defined_macros={"shout": str.upper, "constant": 42},
    user_defined_filters={"loud": lambda text: text + "!"},
):
    for name, text in TEXTS.items():
        PythonOperator(task_id=name, python_callable=lambda x: x, op_args=[text])
    PythonOperator(task_id="literal", python_callable=lambda x: x, op_args=[literal("{{ ds }}")])
    PythonOperator(task_id="syntax", python_callable=lambda x: x, op_args=["{{ ds"])
    PythonOperator(
        task_id="no_variable", python_callable=lambda x: x, op_args=["{{ var.value.diff_nowhere }}"]
    )
    BashOperator(task_id="missing_file", bash_command="nowhere.sh")
    BashOperator(task_id="trailing_space", bash_command="echo nowhere.sh ")

with DAG(
    "templates_native",
    schedule=None,
    catchup=False,
    render_template_as_native_obj=True,
    user_defined_macros={"five": 5},
):
    for name, text in {
        "list": "{{ [1, 2] }}",
        "number": "{{ five }}",
        "text": "{{ ds }}",
        "mixed": "a{{ five }}",
        "dict": "{{ {'a': 1} }}",
        "none": "{{ none }}",
        "date": "{{ logical_date }}",
        "digits": "00{{ five }}",
        "params": "{{ params }}",
    }.items():
        PythonOperator(
            task_id=name, python_callable=lambda x: [type(x).__name__, str(x)], op_args=[text]
        )
