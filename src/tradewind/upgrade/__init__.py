"""The modern form of DAG files of Airflow 1 and 2: what to rewrite in a file's text, and why.

A rule is a module; it reads a file (`reader`) and adds to a `plan`, which is applied in one go, so
that everything that no rule touches stays as it was. The old names are those of `compat`'s table
and the old arguments those of `sdk`: what works here is what is rewritten. Nothing in here runs
user code, and nothing but the `dags upgrade` command imports it (libcst takes a while to load).
"""
