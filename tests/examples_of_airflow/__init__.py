"""The example DAGs that Airflow itself ships, run to the states that their texts promise."""
