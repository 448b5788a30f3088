"""`airflow.plugins_manager`: its base class, so that files with a plugin can be imported."""

from __future__ import annotations

from typing import Any

from tradewind.sdk.old_names import note_old_name


class AirflowPlugin:
    """Tradewind loads no plugins; what one offers has to be imported where it is used."""

    name: str | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.__module__.startswith("airflow.providers."):
            return  # comes along with the operators that people import
        note_old_name(
            f"Tradewind does not load plugins, {cls.__name__} neither: import its timetables, "
            "operators and functions where they are used, and give macros to the DAG with "
            "user_defined_macros=."
        )
