"""Which files of a bundle may hold DAGs: ``.airflowignore`` and safe mode, as in Airflow 3."""

import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal, Protocol

from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

IGNORE_FILE = ".airflowignore"
Syntax = Literal["glob", "regexp"]

_COMMENT = re.compile(r"\s*#.*")
_STARS = re.compile(r"(?<!\\)\*{3,}")


class Rule(Protocol):
    def verdict(self, path: PurePosixPath, is_dir: bool) -> bool | None:
        """True: ignore. False: do not ignore after all. None: says nothing about this path."""


@dataclass(frozen=True)
class RegexpRule:
    """Found anywhere in the path below the bundle's root, wherever the ignore file lies."""

    pattern: re.Pattern[str]

    def verdict(self, path: PurePosixPath, is_dir: bool) -> bool | None:
        return True if self.pattern.search(str(path)) else None


@dataclass(frozen=True)
class GlobRule:
    """A line of gitignore syntax. With a slash before its end it counts from its file's folder."""

    pattern: GitIgnoreSpecPattern
    folder: PurePosixPath | None
    dir_only: bool

    def verdict(self, path: PurePosixPath, is_dir: bool) -> bool | None:
        if self.dir_only and not is_dir:
            return None
        shown = str(path.relative_to(self.folder) if self.folder is not None else path.name)
        matched = self.pattern.match_file(shown + "/" if is_dir else shown)
        return self.pattern.include if matched is not None else None


def read_rules(text: str, folder: PurePosixPath, syntax: Syntax) -> list[Rule]:
    """The rules of one ignore file that lies in `folder`; a line that is no pattern is left out."""
    rules: list[Rule] = []
    for line in text.split("\n"):
        line = _COMMENT.sub("", line)
        if not line.strip():
            continue
        try:
            rule = _glob_rule(line, folder) if syntax == "glob" else RegexpRule(re.compile(line))
        except (re.error, ValueError):
            continue
        if rule is not None:
            rules.append(rule)
    return rules


def _glob_rule(line: str, folder: PurePosixPath) -> GlobRule | None:
    # Three asterisks and more mean what one does; as many in a regular expression never end.
    pattern = GitIgnoreSpecPattern(_STARS.sub("*", line))
    if pattern.include is None:
        return None
    body = line.strip().lstrip("!")
    return GlobRule(
        pattern=pattern,
        folder=folder if "/" in body.rstrip("/") else None,
        dir_only=body.endswith("/"),
    )


def is_ignored(path: PurePosixPath, is_dir: bool, rules: Iterable[Rule]) -> bool:
    """The last rule that has something to say decides."""
    ignored = False
    for rule in rules:
        verdict = rule.verdict(path, is_dir)
        if verdict is not None:
            ignored = verdict
    return ignored


@dataclass
class Discovery:
    """Finds the candidates of a snapshot; remembers by content hash which files mention a DAG.

    `syntax` and `safe_mode`: Airflow's ``dag_ignore_file_syntax``, ``dag_discovery_safe_mode``.
    """

    syntax: Syntax = "glob"
    safe_mode: bool = True
    _mentions: dict[str, bool] = field(default_factory=dict)

    def candidates(self, root: Path, hashes: Mapping[str, str]) -> list[str]:
        """Paths below `root` to parse, sorted. `hashes`: all of the snapshot's files."""
        tree = _tree(hashes)
        found: list[str] = []
        self._walk(root, PurePosixPath(), tree, [], found)
        mentions = {path: self._may_hold_dag(root / path, hashes[path]) for path in found}
        self._mentions = {hashes[path]: mentions[path] for path in found}
        return sorted(path for path in found if mentions[path])

    def _walk(
        self,
        root: Path,
        folder: PurePosixPath,
        tree: dict[str, "Tree"],
        inherited: list[Rule],
        found: list[str],
    ) -> None:
        rules = inherited
        if tree.get(IGNORE_FILE, tree) is None:
            text = (root / folder / IGNORE_FILE).read_text(errors="replace")
            rules = inherited + read_rules(text, folder, self.syntax)
        for name, below in tree.items():
            path = folder / name
            if is_ignored(path, below is not None, rules):
                continue
            if below is not None:
                self._walk(root, path, below, rules, found)
            elif path.suffix.lower() in (".py", ".zip"):
                found.append(str(path))

    def _may_hold_dag(self, path: Path, content_hash: str) -> bool:
        known = self._mentions.get(content_hash)
        return may_hold_dag(path, self.safe_mode) if known is None else known


Tree = dict[str, "Tree"] | None  # a folder, or None for a file


def _tree(paths: Iterable[str]) -> dict[str, Tree]:
    top: dict[str, Tree] = {}
    for path in paths:
        *folders, name = path.split("/")
        here = top
        for folder in folders:
            below = here.setdefault(folder, {})
            assert below is not None, f"{path}: {folder} is a file and a folder"
            here = below
        here[name] = None
    return top


def may_hold_dag(path: Path, safe_mode: bool) -> bool:
    """Safe mode: the text mentions a DAG or an asset, and Airflow or Tradewind."""
    if path.suffix.lower() != ".zip":
        return not safe_mode or mentions_dag(path.read_bytes())
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        names = [n for n in archive.namelist() if "/" not in n and n.endswith((".py", ".pyc"))]
        return any(
            not safe_mode or name.endswith(".pyc") or mentions_dag(archive.read(name))
            for name in names
        )


def mentions_dag(source: bytes) -> bool:
    text = source.lower()
    return (b"airflow" in text or b"tradewind" in text) and (b"dag" in text or b"asset" in text)
