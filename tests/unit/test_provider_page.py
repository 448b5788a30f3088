"""docs/providers.md says what the tests run."""

import importlib.util
from pathlib import Path

PROGRAM = Path(__file__).parents[2] / "docs" / "generate_providers.py"


def test_the_table_is_current() -> None:
    spec = importlib.util.spec_from_file_location("generate_providers", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    assert program.PAGE.read_text() == program.page(), "make docs"
