"""Old names in template text."""

import jinja2
import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.sdk import macros
from tradewind.sdk.templater import FILTERS
from tradewind.upgrade.templates import SAME, SAME_WITH_INTERVALS, modernise_template

CHANGED = {
    "{{ execution_date }}": "{{ logical_date }}",
    "{{execution_date.strftime('%Y')}}": "{{logical_date.strftime('%Y')}}",
    '{{ execution_date.strftime(\\"%Y\\") }}': '{{ logical_date.strftime(\\"%Y\\") }}',
    "{% if execution_date == x %}": "{% if logical_date == x %}",
    "{{ dag_run.execution_date }}": "{{ dag_run.logical_date }}",
    "{{ ti . execution_date | ds }}": "{{ ti . logical_date | ds }}",
    "a {{ tomorrow_ds }} b": "a {{ macros.ds_add(ds, 1) }} b",
    "{{ tomorrow_ds[:4] }}": "{{ macros.ds_add(ds, 1)[:4] }}",
    "{{ yesterday_ds_nodash }}": "{{ (logical_date - macros.timedelta(days=1)) | ds_nodash }}",
    "{{ next_ds }}": "{{ data_interval_end | ds }}",
    "{{ next_ds.replace('-', '') }}": "{{ (data_interval_end | ds).replace('-', '') }}",
    "{{ next_ds_nodash ~ 'x' }}": "{{ data_interval_end | ds_nodash ~ 'x' }}",
    "{{ macros.ds_add(next_ds, 1) }}": "{{ macros.ds_add(data_interval_end | ds, 1) }}",
    "{{{{ execution_date }}}}": "{{{{ logical_date }}}}",  # as in an f-string
    "{{ f(execution_date) }}\n{{ x }}": "{{ f(logical_date) }}\n{{ x }}",
}


@pytest.mark.parametrize(("old", "new"), CHANGED.items())
def test_old_names_become_what_means_the_same(old: str, new: str) -> None:
    assert modernise_template(old, intervals=True) == (new, set())


@pytest.mark.parametrize(
    "text",
    [
        "execution_date",
        "{{ ds }} {{ ts_nodash }} {{ params.x }}",
        "{{ params.execution_date }}",
        "{{ params['execution_date'] }}",
        "{{ f(execution_date=1) }}",
        "{{ my_execution_date }}",
        "{% set execution_date = ds %}{{ execution_date }}",
        "{% for next_ds in x %}{{ next_ds }}{% endfor %}",
        "{{ x }} execution_date {{ y }}",
    ],
)
def test_other_text_stays(text: str) -> None:
    assert modernise_template(text, intervals=True) == (text, set())


def test_without_data_intervals_the_next_run_is_left_to_the_user() -> None:
    text = "{{ next_ds }} {{ prev_ds }} {{ next_execution_date }}"

    assert modernise_template(text, intervals=False) == (
        text,
        {"next_ds", "prev_ds", "next_execution_date"},
    )
    assert modernise_template(text, intervals=True)[1] == {"prev_ds"}


pieces = st.sampled_from(
    [*SAME, *SAME_WITH_INTERVALS, *"{%}|'\"\\.[](=) \n", "{{", "}}", "{%", "%}", "set", "ds"]
)


@given(st.lists(pieces).map("".join), st.booleans())
def test_what_is_modern_stays_so(text: str, intervals: bool) -> None:
    once, left = modernise_template(text, intervals=intervals)

    assert modernise_template(once, intervals=intervals) == (once, left)


@pytest.mark.parametrize("old", [*SAME, *SAME_WITH_INTERVALS])
def test_the_new_expressions_give_the_same_values(old: str) -> None:
    """In a scheduled run with a data interval, by the engine's own filters and macros."""
    start, end = pendulum.datetime(2026, 2, 28), pendulum.datetime(2026, 3, 1)
    context = {
        "logical_date": start,
        "execution_date": start,
        "ds": "2026-02-28",
        "macros": macros,
        "data_interval_end": end,
        "next_execution_date": end,
        "next_ds": "2026-03-01",
        "next_ds_nodash": "20260301",
        "tomorrow_ds": "2026-03-01",
        "tomorrow_ds_nodash": "20260301",
        "yesterday_ds": "2026-02-27",
        "yesterday_ds_nodash": "20260227",
        "triggering_dataset_events": {"a": 1},
        "triggering_asset_events": {"a": 1},
        "prev_execution_date_success": start.subtract(days=1),
        "prev_data_interval_start_success": start.subtract(days=1),
    }
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
    environment.filters.update(FILTERS)
    text = f"{{{{ {old} }}}}"
    new, _ = modernise_template(text, intervals=True)

    assert new != text
    assert environment.from_string(new).render(context) == environment.from_string(text).render(
        context
    )
