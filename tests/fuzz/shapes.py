"""What people, files and other programs hand in: values of every shape, hostile ones too."""

from typing import Any

from hypothesis import strategies as st

HUGE = 10**30
INTEGERS = st.one_of(
    st.integers(-3, 70),
    st.sampled_from([2**31, -(2**31) - 1, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, HUGE]),
)
ODD_TEXTS = st.sampled_from(
    [
        "",
        " ",
        "\n",
        "a\0b",
        "\ufeffbom",
        "\udcff",  # what Python makes of a byte that is no UTF-8
        "\u202egnp.exe",
        "ünïcödé 日本 🎉",
        "e\u0301",
        "\x1b[31mred\x1b[0m",
        "../../etc/passwd",
        "%s%n{0}{{x}}",
        "[bold]x[/bold]",
        "' OR 1=1 --",
        "-1",
        "--help",
        "null",
        "x" * 5000,
        "٣",  # a digit, but not one of ours
    ]
)
TEXTS = st.one_of(st.text(max_size=12), ODD_TEXTS)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    INTEGERS,
    st.floats(),
    TEXTS,
)


def nested(leaves: st.SearchStrategy[Any], keys: st.SearchStrategy[str] = TEXTS) -> Any:
    """Lists and objects of `leaves`, a few levels deep."""
    return st.recursive(
        leaves,
        lambda below: st.lists(below, max_size=4) | st.dictionaries(keys, below, max_size=4),
        max_leaves=12,
    )


JSON = nested(
    st.one_of(
        st.none(),
        st.booleans(),
        INTEGERS,
        st.floats(allow_nan=False, allow_infinity=False),
        TEXTS.filter(lambda text: text.isprintable() or "\udcff" not in text),
    )
)
