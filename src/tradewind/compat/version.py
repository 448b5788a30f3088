"""Which Airflow DAG files see: the one whose behaviour Tradewind follows."""

__version__ = "3.3.2"

SDK_VERSION = "1.3.2"
