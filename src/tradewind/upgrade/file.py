"""One file's text in its modern form."""

import ast
import warnings
from dataclasses import dataclass
from datetime import date

from tradewind.bundles.python2 import modern_form
from tradewind.core.errors import UserError
from tradewind.upgrade.arguments import modernise_arguments
from tradewind.upgrade.context import modernise_context
from tradewind.upgrade.dates import fix_days_ago
from tradewind.upgrade.imports import rewrite_imports
from tradewind.upgrade.names import decide_imports, drop_apply_defaults, modernise_expressions
from tradewind.upgrade.plan import Note, Plan
from tradewind.upgrade.reader import Reader
from tradewind.upgrade.schedule import runs_cover_intervals


@dataclass(frozen=True)
class Upgraded:
    """`notes`: what the user has to look at, by line of the old text."""

    source: bytes
    notes: list[Note]


def upgrade(source: bytes, name: str, *, today: date) -> Upgraded:
    """The modern form of a DAG file; `name` is its path, for messages.

    A file that is modern, or does not use Airflow, comes back as it is. `today` is what `days_ago`
    counts from. Raises `UserError` for text that is not Python 3.
    """
    reader = _read(source, name)
    plan = Plan()
    intervals = runs_cover_intervals(reader)
    drop_apply_defaults(reader, plan)
    fix_days_ago(reader, plan, today)
    modernise_expressions(reader, plan)
    modernise_arguments(reader, plan)
    modernise_context(reader, plan, intervals=intervals)
    decisions = decide_imports(reader, plan, is_shared=name.endswith("__init__.py"))
    rewrite_imports(reader, plan, decisions)
    return Upgraded(plan.apply(reader.module).bytes, sorted(plan.notes))


def _read(source: bytes, name: str) -> Reader:
    try:
        with warnings.catch_warnings(action="ignore"):  # invalid escapes are the file's own affair
            ast.parse(source, name)  # says better than libcst what is wrong with a text
        return Reader(source)
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""
        raise UserError(f"{name}{line}: {error.msg}.", hint=modern_form(error)) from error
    except (ValueError, RecursionError, MemoryError) as error:  # null bytes, endless nesting
        raise UserError(f"{name} is not Python: {error}.") from error
