"""Speed beside Airflow and its peers; `README.md` says how to read and repeat it."""
