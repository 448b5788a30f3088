"""What is to be changed in a file: collected by the rules, applied in one go."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from tradewind.upgrade.reader import root_name

Change = Callable[[Any], Any]
"""Gets the node with the changes below it made, gives what takes its place."""


@dataclass(frozen=True, order=True)
class Note:
    """Something that the user has to look at: it was left alone, or means something else now."""

    line: int
    text: str


@dataclass
class Plan:
    """`needed`: (module, name) of each import that new text uses, name "" for the module itself.

    `gone`: names in the file's old text that the new text no longer uses.
    """

    notes: set[Note] = field(default_factory=set)
    needed: set[tuple[str, str]] = field(default_factory=set)
    gone: set[int] = field(default_factory=set)
    _changes: dict[cst.CSTNode, list[Change]] = field(
        default_factory=lambda: defaultdict(list), repr=False
    )

    def note(self, line: int, text: str) -> None:
        self.notes.add(Note(line, text))

    def change(self, node: cst.CSTNode, how: Change) -> None:
        self._changes[node].append(how)

    def replace(self, node: cst.CSTNode, by: cst.CSTNode) -> None:
        """Put `by` in the place of a node; parentheses around it stay."""
        self.forget(node)
        self.change(node, lambda old: _with_parentheses_of(old, by))

    def forget(self, node: cst.CSTNode) -> None:
        """The names below `node` will not be in the new text."""
        if (name := root_name(node)) is not None:
            self.gone.add(id(name))
        else:
            for child in node.children:
                self.forget(child)

    def need(self, module: str, name: str = "") -> None:
        self.needed.add((module, name))

    def apply(self, module: cst.Module) -> cst.Module:
        changed = module.visit(_Applier(self._changes))
        assert isinstance(changed, cst.Module)
        return changed


def _with_parentheses_of(old: cst.CSTNode, new: cst.CSTNode) -> cst.CSTNode:
    if isinstance(old, cst.BaseExpression) and old.lpar:
        return new.with_changes(lpar=old.lpar, rpar=old.rpar)
    return new


class _Applier(cst.CSTTransformer):
    def __init__(self, changes: dict[cst.CSTNode, list[Change]]) -> None:
        super().__init__()
        self._changes = changes

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        updated = super().on_leave(original_node, updated_node)
        for change in self._changes.get(original_node, ()):
            updated = change(updated)
        return updated
