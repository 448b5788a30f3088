"""The `airflow.*` import names, as a table onto `sdk`."""
