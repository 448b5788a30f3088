"""What a DAG file imports. Light: heavy modules are imported when used."""
