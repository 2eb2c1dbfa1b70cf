"""Scopes of both versions, however an EHR writes them, mean the same permissions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from launch.scopes import LETTERS, Scopes, ScopeVersion

SAME = [
    ("patient/Observation.rs", "patient/Observation.rs"),
    ("patient/Observation.r patient/Observation.s", "patient/Observation.rs"),
    ("patient/Observation.s patient/Observation.r", "patient/Observation.rs"),
    ("patient/Observation.read", "patient/Observation.rs"),
    ("patient/Observation.write", "patient/Observation.cud"),
    ("patient/Observation.*", "patient/Observation.cruds"),
    ("patient/Observation.read patient/Observation.write", "patient/Observation.cruds"),
    ("patient/*.read", "patient/*.rs"),
    ("user/*.*", "user/*.cruds"),
    ("system/Patient.rs", "system/Patient.rs"),
    ("patient/*.rs patient/Observation.r", "patient/*.rs"),
    ("patient/*.rs patient/Observation.crs", "patient/*.rs patient/Observation.c"),
    ("patient/Observation.rs patient/Observation.rs?category=lab", "patient/Observation.rs"),
    ("patient/Observation.rs?b=2&a=1", "patient/Observation.rs?a=1&b=2"),
    ("patient/Observation.r?a=1 patient/Observation.s?a=1", "patient/Observation.rs?a=1"),
    ("patient/*.rs?category=lab", "patient/*.rs?category=lab"),
    ("user/Patient.rs patient/Patient.rs", "patient/Patient.rs user/Patient.rs"),
    ("openid  fhirUser\tlaunch", "openid fhirUser launch"),
    ("openid openid", "openid"),
    ("launch/patient offline_access", "launch/patient offline_access"),
    ("vendor:special patient/Patient.r", "vendor:special patient/Patient.r"),
    ("", ""),
]
BROKEN = [
    "patient/Observation.sr",
    "patient/Observation.rcu",
    "patient/Observation.rr",
    "patient/Observation.",
    "patient/Observation",
    "patient/observation.rs",
    "patient/Observation.x",
    "patient/Observation.reads",
    "patient/Observation.READ",
    "patient/Observation.rs?",
    'patient/Observation.rs?a="1"',
    "patient/Observation.read?category=lab",
    "patient/.rs",
    "patient/**.rs",
    "user/",
    "system/*.",
    "patient/Ob",
    "sc\\ope",
    "naïve",
]


@pytest.mark.parametrize(("written", "shortest"), SAME)
def test_c25_a_scope_string_is_printed_shortest(written: str, shortest: str) -> None:
    assert Scopes.parse(written).as_text() == shortest


@pytest.mark.parametrize("word", BROKEN)
def test_a_broken_scope_grants_nothing_and_is_never_asked_for(word: str) -> None:
    scopes = Scopes.parse(f"{word} patient/Patient.r")
    assert scopes.unreadable == (word,)
    assert scopes.as_text() == "patient/Patient.r"


COVERED = [
    ("patient/Procedure.c", "Procedure", "c", "", True),
    ("patient/Procedure.crus", "Procedure", "d", "", False),
    ("patient/Procedure.rs", "Procedure", "c", "", False),
    ("patient/*.c", "Procedure", "c", "", True),
    ("patient/Procedure.write", "Procedure", "c", "", True),
    ("patient/Procedure.read", "Procedure", "c", "", False),
    ("user/Procedure.c", "Procedure", "c", "", False),
    ("patient/Observation.c?category=vital-signs", "Observation", "c", "", False),
    ("patient/Observation.c?category=vital-signs", "Observation", "c", "category=vital-signs", True),
    ("patient/Observation.c?category=vital-signs", "Observation", "c", "category=lab", False),
    ("patient/Observation.r?a=1", "Observation", "r", "b=2&a=1", True),
    ("patient/Observation.r?a=1&b=2", "Observation", "r", "a=1", False),
    ("patient/Observation.r", "Observation", "r", "a=1", True),
]


@pytest.mark.parametrize(("scope", "resource_type", "letter", "query", "expected"), COVERED)
def test_what_a_scope_covers(scope: str, resource_type: str, letter: str, query: str, expected: bool) -> None:
    assert Scopes.parse(scope).covers("patient", resource_type, letter, query) is expected


def test_a_launched_app_may_use_patient_and_user_scopes_but_not_system_scopes() -> None:
    assert Scopes.parse("user/Patient.r").allows("Patient", "r")
    assert Scopes.parse("patient/Patient.r").allows("Patient", "r")
    assert not Scopes.parse("system/Patient.r").allows("Patient", "r")


def test_what_was_asked_and_not_granted() -> None:
    asked = Scopes.parse("launch offline_access patient/Patient.rs patient/Procedure.crus")
    granted = Scopes.parse("launch patient/*.read patient/Procedure.c")
    assert asked.difference(granted).as_text() == "offline_access patient/Procedure.u"


NARROWED = [
    ("patient/*.rs", "patient/Observation.r", "patient/Observation.r"),
    ("patient/Observation.r", "patient/*.rs", "patient/Observation.r"),
    ("patient/Observation.rs", "patient/Patient.rs", ""),
    ("patient/Observation.rs", "user/Observation.rs", ""),
    ("patient/Observation.rs", "patient/Observation.s?a=1", "patient/Observation.s?a=1"),
    ("patient/Observation.r?b=2", "patient/Observation.r?a=1", "patient/Observation.r?a=1&b=2"),
    ("openid launch", "launch", "launch"),
]


@pytest.mark.parametrize(("one", "limit", "both"), NARROWED)
def test_narrowing_leaves_what_both_allow(one: str, limit: str, both: str) -> None:
    assert Scopes.parse(one).narrow(Scopes.parse(limit)).as_text() == both


FOR_V1 = [
    ("patient/Observation.rs", "patient/Observation.read"),
    ("patient/Observation.crs", "patient/Observation.read patient/Observation.write"),
    ("patient/Procedure.cu", "patient/Procedure.write"),
    ("patient/Observation.rs?category=lab", "patient/Observation.read"),
    ("openid patient/*.r", "openid patient/*.read"),
    ("patient/Observation.rs?a=1 patient/Observation.rs?b=2", "patient/Observation.read"),
    ("user/*.c?a=1 user/Patient.c", "user/*.write"),
    ("patient/*.rs patient/Observation.crs", "patient/*.read patient/Observation.write"),
]


@pytest.mark.parametrize(("scope", "printed"), FOR_V1)
def test_an_old_ehr_is_asked_in_version_1(scope: str, printed: str) -> None:
    assert Scopes.parse(scope).as_text("v1") == printed


clinical = st.builds(
    lambda context, kind, letters, query: (
        f"{context}/{kind}.{''.join(c for c in LETTERS if c in letters)}{'?' + query if query else ''}"
    ),
    st.sampled_from(["patient", "user", "system"]),
    st.sampled_from(["*", "Patient", "Observation", "Procedure"]),
    st.sets(st.sampled_from(LETTERS), min_size=1),
    st.sampled_from(["", "a=1", "a=1&b=2"]),
)


@given(st.lists(clinical, max_size=6))
def test_printing_and_reading_again_loses_no_permission(words: list[str]) -> None:
    scopes = Scopes.parse(" ".join(words))
    again = Scopes.parse(scopes.as_text())
    assert again.as_text() == scopes.as_text()
    assert not scopes.difference(again).permissions
    assert not again.difference(scopes).permissions


@given(st.lists(clinical, max_size=5), st.lists(clinical, max_size=5))
def test_narrowing_never_widens_either_side(ones: list[str], others: list[str]) -> None:
    one, other = Scopes.parse(" ".join(ones)), Scopes.parse(" ".join(others))
    both = one.narrow(other)
    assert not both.difference(one).permissions
    assert not both.difference(other).permissions


@given(st.lists(clinical, max_size=6))
def test_version_1_never_asks_for_less(words: list[str]) -> None:
    scopes = Scopes.parse(" ".join(words))
    assert not scopes.difference(Scopes.parse(scopes.as_text("v1"))).permissions


@given(st.lists(clinical, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_scopes_and_of_printing_means_nothing(words: list[str], chance: Any) -> None:
    printed = Scopes.parse(" ".join(words)).as_text()
    chance.shuffle(words)
    assert Scopes.parse(" ".join(words)).as_text() == printed


@given(st.lists(clinical, max_size=6), st.sampled_from(["v1", "v2"]))
def test_c28_what_is_printed_is_in_the_grammar_of_its_version(words: list[str], version: ScopeVersion) -> None:
    printed = Scopes.parse(" ".join(words)).as_text(version)
    last = [word.rpartition("/")[2].partition(".")[2].partition("?")[0] for word in printed.split()]
    if version == "v1":
        assert set(last) <= {"read", "write", "*"}
        assert "?" not in printed  # version 1 knows no filter
    else:
        assert all(part and part == "".join(c for c in LETTERS if c in part) for part in last)
    assert not Scopes.parse(printed).unreadable
    assert Scopes.parse(printed).as_text(version) == printed


def in_the_grammar(word: str) -> bool:
    """SMART App Launch 2.2, 3.0.2, read a second time and without the product's expression."""
    context, slash, rest = word.partition("/")
    kind, dot, asked = rest.partition(".")
    letters, question, query = asked.partition("?")
    if not (slash and dot) or context not in {"patient", "user", "system"}:
        return False
    if kind != "*" and not (kind.isascii() and kind.isalpha() and kind[0].isupper()):
        return False
    if asked in {"read", "write", "*"}:
        return True
    places = [LETTERS.find(letter) for letter in letters]
    if not places or -1 in places or places != sorted(set(places)):
        return False
    return not question or (bool(query) and not set(query) & set('?"\\'))


NAMES = ["patient", "user", "system", "Patient", "launch", "*", "Observation", "observation", "_", "1"]
SIGNS = ["/", "/", "//", ".", ".", "..", "?", "?a=1", "?a=1&b=2", "?a=?", "=", "&"]
LAST = ["rs", "sr", "cruds", "rr", "read", "write", "reads", "RS"]
pieces = st.sampled_from([*NAMES, *SIGNS, *LAST])
almost = st.builds(
    lambda context, slash, kind, dot, letters, rest: f"{context}{slash}{kind}{dot}{letters}{rest}",
    st.sampled_from(["patient", "user", "system", "Patient", "patients", ""]),
    st.sampled_from(["/", "/", "/", "//", "."]),
    st.sampled_from(["*", "Patient", "Observation", "observation", "Ob1", "", "**"]),
    st.sampled_from([".", ".", ".", "..", ""]),
    st.text(alphabet=LETTERS, max_size=5) | st.sampled_from(["read", "write", "*", "READ", "rs.s"]),
    st.sampled_from(["", "", "", "?a=1", "?", "??", "?a=1&b=2", "?a=1?b"]),
)


@settings(max_examples=500)
@given(st.lists(pieces, min_size=1, max_size=7).map("".join) | almost | clinical)
def test_c28_a_word_grants_something_exactly_if_the_grammar_has_it(word: str) -> None:
    scopes = Scopes.parse(word)
    assert bool(scopes.permissions) is in_the_grammar(word)
    assert len(scopes.unreadable) + len(scopes.others) == (0 if in_the_grammar(word) else 1)


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    Scopes.parse(text).as_text()
