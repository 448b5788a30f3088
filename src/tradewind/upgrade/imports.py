"""Import statements anew: names that moved are regrouped, merged and sorted where they stand.

Only imports of Airflow, and those that come in beside them, are moved, and only within their block:
the lines up to the next blank one.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import libcst as cst

from tradewind.upgrade.names import Decisions, Import
from tradewind.upgrade.plan import Plan
from tradewind.upgrade.reader import Reader, dotted

_WIDTH = 88


def rewrite_imports(reader: Reader, plan: Plan, decisions: Decisions) -> None:
    """Carry out the decisions, and add the imports that the plan needs."""
    writer = _Writer(decisions)
    blocks: dict[cst.CSTNode, None] = {}
    for line in reader.all(cst.SimpleStatementLine):
        if any(alias in decisions for part in line.body for alias in _aliases(part)):
            plan.change(line, partial(writer.rewrite, line))
            blocks[reader.parent(line)] = None
    wanted = [
        Import(module, name)
        for module, name in sorted(plan.needed)
        if not reader.is_import_of(name or module, f"{module}.{name}".rstrip("."))
    ]
    if wanted:
        blocks[reader.module] = None
    for block in blocks:
        plan.change(block, partial(writer.tidy, wanted if block is reader.module else []))


def _aliases(statement: cst.CSTNode) -> Sequence[cst.ImportAlias]:
    if isinstance(statement, cst.Import | cst.ImportFrom):
        return () if isinstance(statement.names, cst.ImportStar) else statement.names
    return ()


class _Writer:
    """`fresh`: the lines that it has written; `removed`: stand-ins for those that go."""

    def __init__(self, decisions: Decisions) -> None:
        self._decisions = decisions
        self._fresh: list[cst.CSTNode] = []
        self._removed: list[cst.CSTNode] = []

    def rewrite(
        self, old: cst.SimpleStatementLine, new: cst.SimpleStatementLine
    ) -> "cst.FlattenSentinel[cst.SimpleStatementLine]":
        """The lines that take a line's place; comments above and beside it go to the first."""
        lines: list[cst.SimpleStatementLine] = []
        for before, after in zip(old.body, new.body, strict=True):
            lines += [cst.SimpleStatementLine([part]) for part in self._parts(before, after)]
        removed = not lines
        if removed:
            lines = [cst.SimpleStatementLine([cst.Pass()])]
        lines[0] = lines[0].with_changes(
            leading_lines=new.leading_lines, trailing_whitespace=new.trailing_whitespace
        )
        (self._removed if removed else self._fresh).extend(lines)
        return cst.FlattenSentinel(lines)

    def _parts(self, before: Any, after: Any) -> Iterator[cst.BaseSmallStatement]:
        """What a statement becomes: the names that stay, then the new imports."""
        pairs = list(zip(_aliases(before), _aliases(after), strict=True))
        decided = [self._decisions[old] for old, _ in pairs if old in self._decisions]
        kept = [new for old, new in pairs if old not in self._decisions]
        if not decided:
            yield after.with_changes(semicolon=cst.MaybeSentinel.DEFAULT)
        elif kept and isinstance(after, cst.ImportFrom):
            yield _from(dotted(after.module), map(_names_of, kept))
        elif kept:
            last = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
            yield cst.Import([*kept[:-1], last])
        yield from _statements(new for new in decided if new is not None)

    def tidy(self, wanted: list[Import], block: Any) -> Any:
        """Insert imports into a block of statements, and put its imports in order."""
        body = self._without_removed(block.body)
        if wanted:
            for part in _statements(wanted):
                self._fresh.append(line := cst.SimpleStatementLine([part]))
                body.insert(_place(body, line), line)
        ordered = [line for run in _runs(body) for line in self._ordered(run)]
        if not ordered and isinstance(block, cst.IndentedBlock):
            ordered = [cst.SimpleStatementLine([cst.Pass()])]
        return block.with_changes(body=ordered)

    def _without_removed(self, body: Sequence[Any]) -> list[Any]:
        """What stood above a removed line goes to the next one: it may be the file's licence."""
        kept: list[Any] = []
        above: list[cst.EmptyLine] = []
        for line in body:
            if any(line is removed for removed in self._removed):
                above = [*above, *line.leading_lines]
                continue
            if above and (not line.leading_lines or any(empty.comment for empty in above)):
                line = line.with_changes(leading_lines=[*above, *line.leading_lines])
            above = []
            kept.append(line)
        return kept

    def _ordered(self, run: list[Any]) -> list[Any]:
        fresh = [any(line is one for one in self._fresh) for line in run]
        if not any(fresh):
            return run
        blank, run[0] = _split_leading(run[0])
        movable = [new or _is_of_airflow(line) for new, line in zip(fresh, run, strict=True)]
        lines = _merged([line for line, moves in zip(run, movable, strict=True) if moves])
        queue = iter(sorted(lines, key=_sort_key))
        places = zip(run, movable, strict=True)
        taken = (next(queue, None) if moves else line for line, moves in places)
        ordered = [line for line in taken if line is not None]
        first = ordered[0]
        ordered[0] = first.with_changes(leading_lines=[*blank, *first.leading_lines])
        return ordered


def _runs(body: Sequence[Any]) -> Iterator[list[Any]]:
    """Imports that follow each other without a blank line; other statements one by one."""
    run: list[Any] = []
    for line in body:
        goes_on = run and _is_import(run[-1]) and _is_import(line) and not _has_blank(line)
        if run and not goes_on:
            yield run
            run = []
        run.append(line)
    if run:
        yield run


def _is_import(line: cst.CSTNode) -> bool:
    return (
        isinstance(line, cst.SimpleStatementLine)
        and len(line.body) == 1
        and isinstance(line.body[0], cst.Import | cst.ImportFrom)
    )


def _has_blank(line: cst.SimpleStatementLine) -> bool:
    return any(empty.comment is None for empty in line.leading_lines)


def _split_leading(line: Any) -> tuple[list[cst.EmptyLine], Any]:
    """What stands above a whole block of imports, and its first line with what belongs to it."""
    leading = list(line.leading_lines)
    last_blank = max((i for i, empty in enumerate(leading) if empty.comment is None), default=-1)
    return leading[: last_blank + 1], line.with_changes(leading_lines=leading[last_blank + 1 :])


def _place(body: list[Any], new: cst.SimpleStatementLine) -> int:
    """Among the imports of Airflow, else after the last import, else below the docstring."""
    imports = [i for i, line in enumerate(body) if _is_import(line)]
    of_airflow = [i for i in imports if _is_of_airflow(body[i])]
    if of_airflow:
        before = [i for i in of_airflow if _sort_key(body[i]) <= _sort_key(new)]
        return before[-1] + 1 if before else of_airflow[0]
    return imports[-1] + 1 if imports else int(bool(body) and _is_docstring(body[0]))


def _is_docstring(line: Any) -> bool:
    return (
        isinstance(line, cst.SimpleStatementLine)
        and isinstance(line.body[0], cst.Expr)
        and isinstance(line.body[0].value, cst.SimpleString | cst.ConcatenatedString)
    )


def _is_of_airflow(line: Any) -> bool:
    return _module(line.body[0]).partition(".")[0] == "airflow"


def _module(statement: Any) -> str:
    if isinstance(statement, cst.Import):
        return dotted(statement.names[0].name)
    return "" if statement.relative else dotted(statement.module)


def _sort_key(line: Any) -> tuple[bool, str]:
    return isinstance(line.body[0], cst.ImportFrom), _module(line.body[0])


def _merged(lines: list[Any]) -> list[Any]:
    """`from` imports of the same module as one, unless comments would get lost."""
    merged: dict[object, Any] = {}
    for line in lines:
        statement = line.body[0]
        plain = (
            isinstance(statement, cst.ImportFrom)
            and not isinstance(statement.names, cst.ImportStar)
            and "#" not in cst.Module([]).code_for_node(statement)
        )
        key: object = _module(statement) if plain else object()
        other = merged.get(key)
        if other is None or (
            other.trailing_whitespace.comment and line.trailing_whitespace.comment
        ):
            merged[key if other is None else object()] = line
            continue
        commented = line if line.trailing_whitespace.comment else other
        merged[key] = other.with_changes(
            body=[_from(_module(statement), [*_names(other), *_names(line)])],
            leading_lines=[*other.leading_lines, *line.leading_lines],
            trailing_whitespace=commented.trailing_whitespace,
        )
    return list(merged.values())


def _names(line: Any) -> list[tuple[str, str]]:
    return [_names_of(alias) for alias in line.body[0].names]


def _names_of(alias: Any) -> tuple[str, str]:
    return dotted(alias.name), dotted(alias.asname.name) if alias.asname else ""


def _statements(imports: Iterable[Import]) -> Iterator[cst.BaseSmallStatement]:
    by_module: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for new in imports:
        if new.name:
            by_module[new.module].append((new.name, new.asname))
        else:
            yield cst.Import([cst.ImportAlias(_dotted_node(new.module))])
    for module, names in by_module.items():
        yield _from(module, names)


def _from(module: str, names: Iterable[tuple[str, str]]) -> cst.ImportFrom:
    """One line if it fits, else a line for each name."""
    ordered = sorted(set(names), key=_name_order)
    aliases = [
        cst.ImportAlias(cst.Name(name), asname=cst.AsName(cst.Name(asname)) if asname else None)
        for name, asname in ordered
    ]
    statement = cst.ImportFrom(_dotted_node(module), aliases)
    if len(cst.Module([]).code_for_node(statement)) <= _WIDTH:
        return statement
    inner = cst.ParenthesizedWhitespace(indent=True, last_line=cst.SimpleWhitespace("    "))
    outer = cst.ParenthesizedWhitespace(indent=True)
    commas = [cst.Comma(whitespace_after=inner)] * (len(aliases) - 1)
    return statement.with_changes(
        names=[
            alias.with_changes(comma=comma)
            for alias, comma in zip(
                aliases, [*commas, cst.Comma(whitespace_after=outer)], strict=True
            )
        ],
        lpar=cst.LeftParen(whitespace_after=inner),
        rpar=cst.RightParen(),
    )


def _name_order(name: tuple[str, str]) -> tuple[int, str]:
    """As isort: constants, classes, functions."""
    text = name[0]
    kind = 0 if text.isupper() and len(text) > 1 else 1 if text[:1].isupper() else 2
    return kind, text


def _dotted_node(module: str) -> Any:
    return cst.parse_expression(module)
