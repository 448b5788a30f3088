import pytest

from tradewind.bundles.inputs import input_digest

HASHES = {"etl.py": "1", "lib/a.py": "2", "lib/b.py": "3", "conf.json": "4"}
VALUES = {"variable:x": "one"}


def digest(
    inputs: list[str], hashes: dict[str, str] = HASHES, values: dict[str, str] = VALUES
) -> str:
    return input_digest("etl.py", inputs, hashes, values.__getitem__)


@pytest.mark.parametrize(
    ("inputs", "hashes", "values"),
    [
        ([], HASHES | {"etl.py": "changed"}, VALUES),
        (["lib/a.py"], HASHES | {"lib/a.py": "changed"}, VALUES),
        (["lib/a.py"], {"etl.py": "1"}, VALUES),
        (["lib/"], HASHES | {"lib/c.py": "new"}, VALUES),
        (["/"], HASHES | {"new.py": "new"}, VALUES),
        (["variable:x"], HASHES, {"variable:x": "two"}),
    ],
)
def test_what_a_file_read_counts(
    inputs: list[str], hashes: dict[str, str], values: dict[str, str]
) -> None:
    assert digest(inputs) != digest(inputs, hashes, values)


@pytest.mark.parametrize(
    ("inputs", "hashes"),
    [
        ([], HASHES | {"lib/a.py": "changed", "new.py": "new"}),
        (["lib/"], HASHES | {"lib/a.py": "changed", "new.py": "new", "library.py": "new"}),
        (["/"], HASHES | {"lib/c.py": "new", "conf.json": "changed"}),
    ],
)
def test_nothing_else_does(inputs: list[str], hashes: dict[str, str]) -> None:
    assert digest(inputs) == digest(inputs, hashes)
