"""A DAG file as libcst sees it: what an expression refers to, and where it stands."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import libcst as cst
from libcst.metadata import (
    Assignment,
    GlobalScope,
    ImportAssignment,
    MetadataWrapper,
    ParentNodeProvider,
    PositionProvider,
    QualifiedNameSource,
    Scope,
    ScopeProvider,
)

from tradewind.compat import table

ImportStatement = cst.Import | cst.ImportFrom


def modern_name(qualified: str) -> table.Name | None:
    """What stands behind an old name of Airflow's; None for a name of today, or of others."""
    module, _, name = qualified.rpartition(".")
    if not module.startswith("airflow"):
        return None
    found = table.row(module).names.get(name)
    if found is None or found.advice is None:
        return None
    return modern_name(f"{found.module}.{found.attribute}") or found  # renamed again since


def dotted(node: cst.BaseExpression | None) -> str:
    """`a.b.c` of names and attributes; empty for anything else."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute) and (before := dotted(node.value)):
        return f"{before}.{node.attr.value}"
    return ""


def expression(text: str) -> cst.BaseExpression:
    return cst.parse_expression(text)


class Reader:
    """Facts about one file; the nodes are those of `module`."""

    def __init__(self, source: bytes) -> None:
        wrapper = MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True)
        self.module = wrapper.module
        self._scopes = wrapper.resolve(ScopeProvider)
        self._positions = wrapper.resolve(PositionProvider)
        self._parents = wrapper.resolve(ParentNodeProvider)

    def line(self, node: cst.CSTNode) -> int:
        return int(self._positions[node].start.line)

    def text(self, node: cst.CSTNode) -> str:
        return self.module.code_for_node(node)

    def parent(self, node: cst.CSTNode) -> cst.CSTNode:
        return self._parents[node]

    def scope(self, node: cst.CSTNode) -> Scope | None:
        return self._scopes.get(node)

    @cached_property
    def nodes(self) -> Sequence[cst.CSTNode]:
        """All of the file, in its order."""
        return list(_below(self.module))

    def all(self, *types: Any) -> Iterator[Any]:
        return (node for node in self.nodes if isinstance(node, types))

    @cached_property
    def names(self) -> Sequence[cst.Name]:
        """Each name that is read or bound; not those of attributes, keywords and imports."""
        return [node for node in self.all(cst.Name) if self.scope(node) is not None]

    def qualified(self, node: cst.CSTNode) -> str:
        """The dotted name of what an expression refers to, if only imports bind it, else empty.

        Where several imports bind a name (in `try` and `except ImportError`), their modern forms
        have to agree; the first is given.
        """
        scope = self.scope(node)
        if scope is None:
            return ""
        found = scope.get_qualified_names_for(node)
        if not found or any(name.source is not QualifiedNameSource.IMPORT for name in found):
            return ""
        names = sorted(name.name for name in found)
        return names[0] if len({self._modern(name) for name in names}) == 1 else ""

    @staticmethod
    def _modern(qualified: str) -> str:
        found = modern_name(qualified)
        return qualified if found is None else f"{found.module}.{found.attribute}"

    def modern(self, node: cst.CSTNode) -> str:
        """`qualified`, with Airflow's old names in their modern form."""
        return self._modern(self.qualified(node))

    def is_dag(self, call: cst.Call) -> bool:
        """Whether a call is `DAG(...)` or `dag(...)`."""
        module, _, name = self.modern(call.func).rpartition(".")
        return name in ("DAG", "dag") and module.partition(".")[0] == "airflow"

    @cached_property
    def _references(self) -> dict[tuple[int, str], list[cst.Name]]:
        found = defaultdict(list)
        for node in self.names:
            scope = self.scope(node)
            assert scope is not None
            for assignment in scope[node.value]:
                if isinstance(assignment, ImportAssignment):
                    found[id(assignment.node), node.value].append(node)
        return found

    def references(self, statement: ImportStatement, local: str) -> list[cst.Name]:
        """Where a name that an import binds is used."""
        return self._references.get((id(statement), local.partition(".")[0]), [])

    @cached_property
    def global_scope(self) -> GlobalScope:
        return next(s for s in self._scopes.values() if isinstance(s, GlobalScope))

    def is_bound(self, name: str) -> bool:
        """Whether the name is bound anywhere in the file, by an import or otherwise."""
        return any(
            name == assignment.name
            for scope in {id(s): s for s in self._scopes.values() if s is not None}.values()
            for assignment in scope.assignments
            if isinstance(assignment, Assignment | ImportAssignment)
        )

    def is_import_of(self, local: str, qualified: str) -> bool:
        """Whether the module's name `local` is an import of `qualified`, now or once modern."""
        bound = self.global_scope[local]
        return bool(bound) and all(
            isinstance(assignment, ImportAssignment)
            and {self._modern(n.name) for n in assignment.get_qualified_names_for(local)}
            == {qualified}
            for assignment in bound
        )

    def can_use(self, local: str, qualified: str) -> bool:
        """Whether new text may say `local` for `qualified`, once that is imported."""
        return not self.is_bound(local) or self.is_import_of(local, qualified)

    def value_of(self, node: cst.BaseExpression) -> cst.BaseExpression:
        """What a name stands for that is assigned once; else the node itself."""
        seen = []
        while node not in seen and isinstance(node, cst.Name):
            seen.append(node)
            node = self._assigned(node) or node
        return node

    def _assigned(self, name: cst.Name) -> cst.BaseExpression | None:
        scope = self.scope(name)
        bound = list(scope[name.value]) if scope is not None else []
        if len(bound) != 1 or not isinstance(bound[0], Assignment):
            return None
        target = self.parent(bound[0].node)
        statement = self.parent(target)
        if isinstance(statement, cst.Assign) and isinstance(target, cst.AssignTarget):
            return statement.value
        return None

    @cached_property
    def _quote(self) -> str:
        """The quotes that the file prefers."""
        plain = [text.quote for text in self.all(cst.SimpleString) if len(text.quote) == 1]
        return "'" if 2 * plain.count("'") > len(plain) else '"'

    def quoted(self, code: str, place: cst.CSTNode) -> str:
        """Code written with double quotes, in those that fit to what it takes the place of."""
        for text in _below(place):
            if isinstance(text, cst.SimpleString):
                return code.replace('"', text.quote)
        quote, node = self._quote, place
        while not isinstance(node, cst.Module):
            if isinstance(node, cst.FormattedString):
                quote = "'" if '"' in node.start else '"'
            node = self.parent(node)
        return code.replace('"', quote)


def _below(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    yield node
    for child in node.children:
        yield from _below(child)


def root_name(node: cst.CSTNode) -> cst.Name | None:
    """The first name of a dotted one."""
    while isinstance(node, cst.Attribute):
        node = node.value
    return node if isinstance(node, cst.Name) else None


def string_value(node: cst.CSTNode | None) -> str | None:
    """The text of a string literal without placeholders; None for anything else."""
    if isinstance(node, cst.SimpleString | cst.ConcatenatedString):
        value = node.evaluated_value
        return value if isinstance(value, str) else None
    return None


def keyword(call: cst.Call, name: str) -> cst.Arg | None:
    return next(
        (arg for arg in call.args if arg.keyword is not None and arg.keyword.value == name), None
    )
