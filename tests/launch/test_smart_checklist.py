"""Every rule for a SMART client has a test that is named for it, so that none can be lost.

A test's name begins with the numbers of what it proves: `c` a rule of the client's checklist (C01-C06 registration
and keys, C10-C14 launch and discovery, C20-C28 the authorization request, C30-C41 callback and token reply, C50-C53
the user, C60-C67 tokens in use, C70 no user), `l` and `d` a threat to a launch or to data.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parents[1]
NAMED = re.compile(r"^ *(?:async )?def test_((?:[a-z][0-9]{1,2}_)+)", re.MULTILINE)
RULES = {
    f"c{number:02}"
    for numbers in (range(1, 7), range(10, 15), range(20, 29), range(30, 42), range(50, 54), range(60, 68), [70])
    for number in numbers
}


def proofs() -> Counter[str]:
    """How many tests are named for each number."""
    texts = (path.read_text("utf-8") for path in TESTS.rglob("test_*.py"))
    return Counter(number for text in texts for names in NAMED.findall(text) for number in names[:-1].split("_"))


def test_every_rule_has_a_test_named_for_it() -> None:
    assert sorted(RULES - proofs().keys()) == []


def test_no_test_is_named_for_a_rule_that_does_not_exist() -> None:
    assert sorted(number for number in proofs() if number.startswith("c") and number not in RULES) == []
