"""Every error says whose fault it is, what happened and what to do; the tree in the docstring is the real one."""

from __future__ import annotations

import re

import pytest

from launch import errors
from launch.errors import LaunchError, Party


def _tree(root: type[LaunchError]) -> list[type[LaunchError]]:
    return [root, *(found for child in root.__subclasses__() for found in _tree(child))]


TREE = _tree(LaunchError)


def test_the_drawn_tree_is_the_real_one() -> None:
    drawn: list[tuple[int, str]] = [
        (match.start(2), match[2])
        for line in (errors.__doc__ or "").splitlines()
        if (match := re.match(r"([ │├└─]+)([A-Z]\w+)(?:\s{2,}|$)", line))
    ]
    parents: dict[str, str] = {}
    for position, (depth, name) in enumerate(drawn):
        above = [other for other_depth, other in drawn[:position] if other_depth < depth]
        parents[name] = above[-1] if above else ""
    real = {kind.__name__: kind.__base__.__name__ for kind in TREE if kind is not LaunchError and kind.__base__}
    assert {name: parent for name, parent in parents.items() if name != "LaunchError"} == real


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_every_error_names_a_party_and_a_remedy(kind: type[LaunchError]) -> None:
    assert isinstance(kind.party, Party)
    assert kind.advice.endswith(".")
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.reason)


def test_audit_words_tell_the_errors_apart() -> None:
    assert len({kind.reason for kind in TREE}) == len(TREE)


def test_advice_of_the_moment_goes_before_the_usual_one() -> None:
    assert errors.EhrFault("x", advice="Call.").what_to_do == "Call."
    assert errors.EhrFault("x").what_to_do == errors.EhrFault.advice
