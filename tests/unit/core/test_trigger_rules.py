"""Each rule over the smallest tallies that tell its cases apart (whole DAGs: the recorded ones)."""

import pytest

from tradewind.core.runs.trigger_rules import Tally, Verdict, decide_rule, decide_setups
from tradewind.core.states import TaskInstanceState, TriggerRule

STATES = {
    "s": TaskInstanceState.SUCCESS,
    "f": TaskInstanceState.FAILED,
    "k": TaskInstanceState.SKIPPED,
    "u": TaskInstanceState.UPSTREAM_FAILED,
    "r": TaskInstanceState.REMOVED,
    ".": TaskInstanceState.RUNNING,
}
RUN, WAIT, SKIP, REMOVE = Verdict.RUN, Verdict.WAIT, Verdict.SKIP, Verdict.REMOVE
FAIL = Verdict.UPSTREAM_FAILED


def tally(upstreams: str) -> Tally:
    """One letter an upstream (see `STATES`), upper case for setups; a dot is not done."""
    counted = Tally()
    for letter in upstreams:
        counted.expect(letter.isupper(), 1)
        counted.count(STATES[letter.lower()], letter.isupper(), 1)
    return counted


TABLE = {
    "all_success": {
        "ss": RUN,
        "s.": WAIT,
        "f.": FAIL,
        "u.": FAIL,
        "k.": SKIP,
        "kf": FAIL,
        "sr": RUN,
    },
    "all_failed": {"ff": RUN, "fu": RUN, "f.": WAIT, "s.": SKIP, "k.": SKIP, "fr": RUN},
    "all_done": {"sfku": RUN, "sfk.": WAIT, "r": RUN},
    "all_done_min_one_success": {
        "sf": RUN,
        "s.": WAIT,
        "ff": FAIL,
        "fu": FAIL,
        "sk": SKIP,
        "k.": SKIP,
        "r": FAIL,
    },
    "all_done_setup_success": {
        "Sf": RUN,
        "S.": WAIT,
        "ff": RUN,
        "Fs": FAIL,
        "Ks": SKIP,
        "KF": FAIL,
        "KS": RUN,
        "K.": WAIT,
    },
    "all_skipped": {"kk": RUN, "k.": WAIT, "s.": SKIP, "f.": SKIP, "u.": SKIP, "kr": WAIT},
    "one_success": {"s.": RUN, "f.": WAIT, "ff": FAIL, "fk": FAIL, "kk": SKIP, "k.": WAIT},
    "one_failed": {"f.": RUN, "u.": RUN, "s.": WAIT, "sk": SKIP},
    "one_done": {"s.": RUN, "f.": RUN, "k.": WAIT, "u.": WAIT, "ku": SKIP},
    "none_failed": {"sk": RUN, "s.": WAIT, "f.": FAIL, "u.": FAIL, "kk": RUN, "r": RUN},
    "none_failed_min_one_success": {
        "sk": RUN,
        "s.": WAIT,
        "f.": FAIL,
        "u.": FAIL,
        "kk": SKIP,
        "k.": WAIT,
        "rk": FAIL,
    },
    "none_skipped": {"sfu": RUN, "s.": WAIT, "k.": SKIP},
    "always": {"...": RUN, "fk": RUN},
}


@pytest.mark.parametrize(
    ("rule", "upstreams", "expected"),
    [(rule, ups, verdict) for rule, cases in TABLE.items() for ups, verdict in cases.items()],
)
def test_rules(rule: str, upstreams: str, expected: Verdict) -> None:
    assert decide_rule(TriggerRule(rule), tally(upstreams)) is expected


def test_every_rule_is_in_the_table() -> None:
    assert TABLE.keys() == set(TriggerRule)


@pytest.mark.parametrize(
    ("map_index", "expected"), [(-1, RUN), (0, RUN), (1, RUN), (2, REMOVE), (3, REMOVE)]
)
def test_all_success_removes_what_has_no_counterpart_any_more(
    map_index: int, expected: Verdict
) -> None:
    assert decide_rule(TriggerRule.ALL_SUCCESS, tally("ssrr"), map_index) is expected
    assert decide_rule(TriggerRule.ALL_SUCCESS, tally("rr"), map_index) is RUN


@pytest.mark.parametrize(
    ("setups", "map_index", "expected"),
    [
        ("", -1, RUN),
        ("SS", -1, RUN),
        ("S.", -1, WAIT),
        ("F.", -1, FAIL),
        ("U.", -1, FAIL),
        ("K.", -1, SKIP),
        ("SR", -1, WAIT),  # an unmapped task cannot do without the removed one
        ("SR", 0, RUN),
        ("SR", 1, REMOVE),
    ],
)
def test_setups(setups: str, map_index: int, expected: Verdict) -> None:
    assert decide_setups(tally(setups), map_index) is expected


@pytest.mark.parametrize("rule", list(TriggerRule))
def test_an_equal_signature_means_an_equal_verdict(rule: TriggerRule) -> None:
    """What the board relies on when it leaves a watcher alone."""
    verdicts: dict[tuple[object, ...], Verdict] = {}
    letters = "sfkurSFK."
    for first in letters:
        for second in letters:
            for rest in ("", "s", "f", "k", "u", "r", ".", "ss", "k.", "SK", "rs"):
                counted = tally(first + second + rest)
                for map_index in (-1, 0, 1, 2):
                    verdict = decide_rule(rule, counted, map_index)
                    known = verdicts.setdefault((map_index, *counted.signature()), verdict)
                    assert known is verdict, (first + second + rest, map_index)


def test_tallies_add_up() -> None:
    both = tally("sFk.").plus(tally("urK"))
    assert both.signature() == tally("sFk.urK").signature()
    assert (both.expected, both.done, both.setups) == (7, 6, 2)
