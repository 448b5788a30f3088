"""Tradewind runs Airflow DAGs on Kubernetes, on a laptop, or both."""

__version__ = "0.1.0"
