"""The names of `airflow.*`, from 1.10 to 3.x, on top of `tradewind.sdk`.

`install()` makes `import airflow…` work where Apache Airflow is not installed. Which name means
what is one table (`table.py` reads `table_current`, `table_old` and `table_missing`); the few
things that only old DAG files need (`days_ago`, stand-ins for the metadata database…) live here
beside it. Nothing in here decides how a DAG behaves: that is the SDK's.
"""

from tradewind.compat.finder import AirflowNameError, install

__all__ = ["AirflowNameError", "install"]
