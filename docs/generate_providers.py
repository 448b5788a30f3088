"""Write the table of docs/providers.md from the DAGs that the tests run.

`python docs/generate_providers.py`: which classes of which provider occur in tests/providers/dags.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

PAGE = Path(__file__).with_name("providers.md")
TESTS = PAGE.parents[1] / "tests" / "providers"
BEGIN, END = "<!-- table: docs/generate_providers.py -->\n", "<!-- end of table -->"

_PREFIX = "apache-airflow-providers-"


def page() -> str:
    """The page with its table made anew."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


def table() -> str:
    versions = _versions()
    used: dict[str, set[str]] = {name: set() for name in versions}
    for file in sorted(TESTS.glob("dags/*.py")):
        for module, name in _imports(ast.parse(file.read_text())):
            used.setdefault(_provider(module, versions), set()).add(name)
    lines = ["| provider | version | what is run |", "|---|---|---|"]
    for provider, names in sorted(used.items()):
        version = versions.get(provider, "the newest")
        said = ", ".join(f"`{name}`" for name in sorted(names)) or "nothing by itself"
        lines.append(f"| {provider} | {version} | {said} |")
    return "\n".join([*lines, ""])


def _versions() -> dict[str, str]:
    """Short name → version, as the tests' files of constraints say."""
    lines = (line for file in TESTS.glob("versions*.txt") for line in file.read_text().split("\n"))
    pinned = (line.partition("==") for line in lines if line.startswith(_PREFIX))
    return {name.removeprefix(_PREFIX): version for name, _, version in pinned}


def _imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and _is_provider(node.module):
            for alias in node.names:
                yield node.module, alias.name


def _is_provider(module: str) -> bool:
    return module.startswith("airflow.providers.") and ".standard." not in module


def _provider(module: str, versions: dict[str, str]) -> str:
    """The provider of a module: `common.sql.operators.sql` is of common-sql."""
    first, second, *_ = [*module.split(".")[2:], ""]
    both = f"{first}-{second}"
    return both if both in versions else first


if __name__ == "__main__":
    PAGE.write_text(page())
