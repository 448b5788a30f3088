"""Taking out, changing and adding arguments, parameters or entries of a dict, layout kept."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from tradewind.upgrade.plan import Plan
from tradewind.upgrade.reader import expression

Edit = Callable[[Any], list[Any]]


@dataclass
class Edits:
    """What happens to `items` of a node (`args`, `elements`, `params`), by their position."""

    items: str
    by_position: dict[int, Edit] = field(default_factory=dict)

    def drop(self, position: int) -> None:
        self.by_position[position] = lambda item: []

    def set(self, position: int, edit: Callable[[Any], Any]) -> None:
        self.by_position[position] = lambda item: [edit(item)]

    def register(self, plan: Plan, node: cst.CSTNode) -> None:
        for position, edit in self.by_position.items():
            old = getattr(node, self.items)[position]
            if not edit(old):
                plan.forget(old)
        if self.by_position:
            plan.change(node, self._apply)

    def _apply(self, node: Any) -> Any:
        old = getattr(node, self.items)
        new: list[Any] = []
        for position, before in enumerate(old):
            items = self.by_position.get(position, _same)(before)
            if new and not items:
                new[-1] = _with_comments_behind(new[-1], before)
            new += items
        if new and old[-1] is not new[-1]:
            new[-1] = _as_last(new[-1], old[-1])
        return node.with_changes(**{self.items: new})


def _same(item: Any) -> list[Any]:
    return [item]


def _with_comments_behind(item: Any, dropped: Any) -> Any:
    """With the lines between the dropped item and the next one, which they are about."""
    lines = getattr(getattr(dropped.comma, "whitespace_after", None), "empty_lines", ())
    space = getattr(item.comma, "whitespace_after", None)
    if not lines or not isinstance(space, cst.ParenthesizedWhitespace):
        return item
    space = space.with_changes(empty_lines=[*space.empty_lines, *lines])
    return item.with_changes(comma=item.comma.with_changes(whitespace_after=space))


def _as_last(item: Any, last: Any) -> Any:
    """With the comma and the line break that the last item had."""
    layout = {"comma": last.comma}
    for name in ("whitespace_after_arg", "whitespace_after_param"):
        if hasattr(last, name):
            layout[name] = getattr(last, name)
    return item.with_changes(**layout)


def named(name: str) -> Callable[[cst.Arg], cst.Arg]:
    """Gives an argument a name, or another one."""
    return lambda arg: arg.with_changes(keyword=cst.Name(name), equal=_equal(arg))


def _equal(arg: cst.Arg) -> cst.AssignEqual:
    if isinstance(arg.equal, cst.AssignEqual):
        return arg.equal
    nothing = cst.SimpleWhitespace("")
    return cst.AssignEqual(nothing, nothing)


def beside(arg: cst.Arg, name: str, value: str) -> list[cst.Arg]:
    """`arg`, and a new argument behind it laid out likewise."""
    comma = arg.comma
    if not isinstance(comma, cst.Comma):
        comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    new = cst.Arg(expression(value), keyword=cst.Name(name), equal=arg.equal, comma=comma)
    return [arg.with_changes(comma=comma), new]
