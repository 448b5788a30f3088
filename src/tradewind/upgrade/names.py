"""Old names of Airflow's: in import statements, and behind imported modules (`models.dag.DAG`)."""

from typing import NamedTuple

import libcst as cst

from tradewind.compat import table
from tradewind.compat.table_current import CURRENT
from tradewind.compat.table_old import OLD
from tradewind.upgrade.plan import Plan
from tradewind.upgrade.reader import Reader, dotted, modern_name, root_name


class Import(NamedTuple):
    """One imported name. `name` "" is the module itself, `asname` "" no other name for it."""

    module: str
    name: str = ""
    asname: str = ""

    @property
    def local(self) -> str:
        return self.asname or self.name or self.module.partition(".")[0]


_APPLY_DEFAULTS = "tradewind.compat.helpers.apply_defaults"

Decisions = dict[cst.ImportAlias, Import | None]
"""What takes the place of an imported name; None if nothing does. Others stay."""


def modernise_expressions(reader: Reader, plan: Plan) -> None:
    """`bash_operator.BashOperator` becomes `BashOperator`, which is imported.

    To be called after the rules that rewrite the use of a name in another way.
    """
    for node in reader.all(cst.Attribute):
        qualified = reader.qualified(node)
        found = modern_name(qualified)
        if found is None or id(root_name(node)) in plan.gone:
            continue
        if found.module.startswith("tradewind."):
            plan.note(reader.line(node), found.advice or "")
        elif reader.can_use(found.attribute, f"{found.module}.{found.attribute}"):
            plan.replace(node, cst.Name(found.attribute))
            plan.need(found.module, found.attribute)
        else:
            plan.note(reader.line(node), f"{found.advice} The name is taken in this file.")


def drop_apply_defaults(reader: Reader, plan: Plan) -> None:
    """Operators get default_args without that decorator."""
    for decorator in reader.all(cst.Decorator):
        if reader.modern(decorator.decorator) == _APPLY_DEFAULTS:
            plan.forget(decorator.decorator)
            plan.change(decorator, lambda node: cst.RemoveFromParent())


def decide_imports(reader: Reader, plan: Plan, *, is_shared: bool) -> Decisions:
    """To be called last: imports of which the other rules have left no use are dropped.

    `is_shared`: other files import names from this one.
    """
    decisions: Decisions = {}
    for statement in reader.all(cst.Import, cst.ImportFrom):
        if isinstance(statement, cst.ImportFrom):
            decide = _From(reader, plan, is_shared)
            decisions |= decide.statement(statement)
        else:
            decisions |= _modules(reader, plan, statement)
    return decisions


class _From:
    """Decides about the names of `from … import …`."""

    def __init__(self, reader: Reader, plan: Plan, is_shared: bool) -> None:
        self._reader = reader
        self._plan = plan
        self._is_shared = is_shared

    def statement(self, statement: cst.ImportFrom) -> Decisions:
        module = "" if statement.relative else dotted(statement.module)
        if not _is_airflow(module):
            return {}
        line = self._reader.line(statement)
        if isinstance(statement.names, cst.ImportStar):
            if module in OLD:
                self._plan.note(line, f"{module} is an old module; name what you import from it.")
            return {}
        decisions: Decisions = {}
        for alias in statement.names:
            old = Import(module, dotted(alias.name), _asname(alias))
            new = self._decide(statement, old)
            if new != old:
                decisions[alias] = new
        return decisions

    def _decide(self, statement: cst.ImportFrom, old: Import) -> Import | None:
        qualified = f"{old.module}.{old.name}"
        uses = self._reader.references(statement, old.local)
        left = [use for use in uses if id(use) not in self._plan.gone]
        found = modern_name(qualified)
        if found is None:
            if not uses or left:
                self._note_missing(statement, qualified)
                return old
            return None
        if not left and (uses or not self._is_shared) and not self._is_needed(found):
            return None
        if found.module.startswith("tradewind."):
            self._plan.note(self._reader.line(statement), found.advice or "")
            return old
        return self._renamed(old, found, left)

    def _is_needed(self, found: table.Name) -> bool:
        return (found.module, found.attribute) in self._plan.needed

    def _renamed(self, old: Import, found: table.Name, uses: list[cst.Name]) -> Import:
        new = Import(found.module, found.attribute, old.asname)
        if new.local == old.local:
            return Import(new.module, new.name, "" if new.asname == new.name else new.asname)
        sure = not self._is_shared and all(self._reader.qualified(use) for use in uses)
        if not sure or not self._reader.can_use(new.name, f"{new.module}.{new.name}"):
            return new._replace(asname=old.local)
        for use in uses:
            self._plan.replace(use, cst.Name(new.name))
        return new

    def _note_missing(self, statement: cst.ImportFrom, qualified: str) -> None:
        module, _, name = qualified.rpartition(".")
        if qualified in table.modules() or module.startswith("airflow.providers."):
            return
        row = table.row(module)
        if name not in row.names and not row.everything_of:
            self._plan.note(self._reader.line(statement), table.explain_missing(qualified))


def _modules(reader: Reader, plan: Plan, statement: cst.Import) -> Decisions:
    """`import airflow.utils.dates` goes when nothing of it is left in use."""
    decisions: Decisions = {}
    for alias in statement.names:
        module = dotted(alias.name)
        if not _is_airflow(module):
            continue
        asname = _asname(alias)
        uses = reader.references(statement, asname or module)
        left = [use for use in uses if id(use) not in plan.gone]
        is_old = module in OLD and module not in CURRENT
        if not left and (uses or is_old):
            decisions[alias] = None
        elif is_old and not asname and not any(_is_below(reader, use, module) for use in left):
            decisions[alias] = Import("airflow")
        elif module not in table.modules() and not module.startswith("airflow.providers."):
            plan.note(reader.line(statement), table.explain_missing(module))
    return decisions


def _is_below(reader: Reader, use: cst.Name, module: str) -> bool:
    return f"{reader.qualified(_whole(reader, use))}.".startswith(f"{module}.")


def _whole(reader: Reader, use: cst.Name) -> cst.CSTNode:
    """The longest dotted name that begins with `use`."""
    node: cst.CSTNode = use
    while isinstance(parent := reader.parent(node), cst.Attribute) and parent.value is node:
        node = parent
    return node


def _is_airflow(module: str) -> bool:
    return module == "airflow" or module.startswith("airflow.")


def _asname(alias: cst.ImportAlias) -> str:
    return "" if alias.asname is None else dotted(alias.asname.name)
