"""Writes docs/compatibility.md: ``python -m tradewind.compat.docs > docs/compatibility.md``."""

from collections import defaultdict
from collections.abc import Iterator

from tradewind.compat import table
from tradewind.compat.finder import offered
from tradewind.compat.table_missing import MISSING, PROVIDER

_HEAD = """\
# Airflow names in DAG files

<!-- Written by `python -m tradewind.compat.docs`; change the table in src/tradewind/compat. -->

`import airflow...` in a DAG file gets Tradewind's implementation wherever Apache Airflow itself is
not installed. The spellings of Airflow 3, 2 and 1.10 are understood. A name that is not listed here
raises an ImportError that says what to do instead.
"""

_CURRENT = """\
## Names of today

These are Airflow 3's places for them; new files should use `airflow.sdk` and
`airflow.providers.standard`.
"""

_OLD = """\
## Names of Airflow 1 and 2

They work as they are; where today's place is a provider's, when that provider is installed. Each
one that a file uses adds a note with the modern form to the warnings of the file's DAGs.
"""

_MISSING = """\
## What is not there

The advice is also in the error that the import raises. A row stands for everything below it.
"""

_PROVIDERS = """\
## Provider packages

Of `airflow.providers`, Tradewind has the standard provider, and of the SMTP provider the
EmailOperator. For everything else the error says:

> {text}

A provider package that is installed without Apache Airflow is used as it is.
"""


_BEHAVIOUR = """\
## What behaves otherwise

- **Plugins** (macros, timetables, listeners and views in the `plugins` folder) are not loaded.
  Everything of a run comes from its DAG version, and a folder beside the bundles would change under
  it. `AirflowPlugin` can be imported, so that shared modules load, but what it registers is not
  used. Give macros as `user_defined_macros` or `user_defined_filters`; put timetables, operators
  and hooks into the bundle and import them; use callbacks in place of listeners.
- **`run_as_user`** is refused when the file is parsed, unless it is the user that tasks run as.
- **`core.xcom_backend`** is refused at the start. Write large data to an `ObjectStoragePath` and
  return the path.
- **Deadline references of one's own** (`@deadline_reference`) are refused when a DAG uses them:
  they would run in the scheduler, which runs no code of DAG files.
- **Mail about failures** (`email`, `email_on_failure`, `email_on_retry`) goes through the
  connection `smtp_default`, or `AIRFLOW__SMTP__SMTP_HOST` and its kin. Without either, the task's
  log says that no mail was sent.
- **`XCom.set` and `XCom.delete`** concern the task's own XComs only; all can be read.
- **Apache Airflow in the same environment** is what `import airflow` gets then; such files have no
  DAGs of Tradewind's, and an import error says so.
"""


def page() -> str:
    modules = sorted(table.modules())
    sections = [
        _HEAD,
        _CURRENT,
        _table(("module", "names"), _current_rows(modules)),
        _OLD,
        _table(("module", "name", "today"), _old_rows(modules)),
        _MISSING,
        _table(("module or name", "advice"), sorted(MISSING.items())),
        _BEHAVIOUR,
        _PROVIDERS.format(text=PROVIDER.format(package="apache-airflow-providers-...", name="...")),
    ]
    return "\n".join(sections)


def _current_rows(modules: list[str]) -> Iterator[tuple[str, ...]]:
    for module in modules:
        names = table.row(module).names
        current = [n for n in offered(module) if n not in names or names[n].advice is None]
        if current:
            yield module, ", ".join(f"`{name}`" for name in current)


def _old_rows(modules: list[str]) -> Iterator[tuple[str, ...]]:
    """Names of a module that have the same source share a row."""
    for module in modules:
        by_source: dict[str, list[str]] = defaultdict(list)
        for name, found in table.row(module).names.items():
            if found.advice is not None:
                renamed = found.attribute not in {name, ""}
                target = f"{found.module}.{found.attribute}" if renamed else found.module
                has_modern_form = not found.module.startswith("tradewind.")
                by_source[f"`{target}`" if has_modern_form else _advice(found)].append(name)
        for today, names in by_source.items():
            yield module, ", ".join(f"`{name}`" for name in names), today


def _advice(found: table.Name) -> str:
    _, _, text = (found.advice or "").partition("; ")
    return text or "(nothing takes its place)"


def _table(head: tuple[str, ...], rows: "Iterator[tuple[str, ...]] | list[tuple[str, str]]") -> str:
    lines = [" | ".join(head), " | ".join("---" for _ in head)]
    lines += [" | ".join((f"`{first}`", *rest)) for first, *rest in rows]
    return "".join(f"| {line} |\n" for line in lines)


if __name__ == "__main__":
    print(page(), end="")
