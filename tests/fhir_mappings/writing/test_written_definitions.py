"""What we write uses only what we define, as we define it: the validators do not look into extensions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fhirkit
import pytest

from fhir_mappings import wire
from fhir_mappings.facts.treatment import KetamineSession
from fhir_mappings.writing.canonical import CANONICAL
from fhir_mappings.writing.care_plan import care_plan
from fhir_mappings.writing.screening_bundle import screening_resources
from fhir_mappings.writing.session_bundle import session_resources
from tests.fhir_mappings.writing.a_screening import a_full_screening, a_screening
from tests.fhir_mappings.writing.a_session import (
    GOALS,
    INSTANCE,
    a_course,
    a_dose_from_vials,
    a_full_session,
    a_missed_session,
    a_session,
)

Json = dict[str, Any]
SESSIONS = (a_session(), a_full_session(), a_full_session(dose=a_dose_from_vials()), a_missed_session())
PROFILES = Path(__file__).parents[3] / "fhir_mappings" / "profiles"
DEFINITIONS: dict[str, Json] = {
    definition["url"]: definition for definition in (json.loads(path.read_text()) for path in PROFILES.glob("*.json"))
}


def _written(session: KetamineSession) -> list[Json]:
    plan = care_plan(a_course(goals=GOALS), INSTANCE, procedures={})
    written = [*session_resources(session, a_course(), INSTANCE), plan]
    return [wire.decode(one.body) for one in written]


def _everything() -> list[Json]:
    sessions = [one for session in SESSIONS for one in _written(session)]
    screenings = [*screening_resources(a_screening(), INSTANCE), *screening_resources(a_full_screening(), INSTANCE)]
    return sessions + [wire.decode(one.body) for one in screenings]


def _holders(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from _holders(item)
    elif isinstance(value, list):
        for item in value:
            yield from _holders(item)


def _extended(resource: Json) -> Iterator[tuple[str, Json]]:
    """Each extension with the path of the element it is on; what is inside an extension is a part of it."""

    def below(path: str, value: Any) -> Iterator[tuple[str, Json]]:
        if isinstance(value, dict):
            yield from ((path, extension) for extension in value.get("extension", []))
            for name, item in value.items():
                if name != "extension":
                    yield from below(f"{path}.{name}", item)
        elif isinstance(value, list):
            for item in value:
                yield from below(path, item)

    return below(resource["resourceType"], resource)


def _parts(definition: Json) -> dict[str, Json]:
    """The sub-extensions of a definition: name -> how often, of which type, in which unit."""
    elements = {element["id"]: element for element in definition["differential"]["element"]}
    return {
        element["sliceName"]: {
            "min": element["min"],
            "type": elements[f"{name}.value[x]"]["type"][0]["code"],
            "unit": elements[f"{name}.value[x]"].get("patternQuantity", {}).get("code"),
        }
        for name, element in elements.items()
        if "sliceName" in element
    }


def test_each_file_is_named_for_what_it_defines() -> None:
    assert len(DEFINITIONS) == len(list(PROFILES.glob("*.json")))
    for path in PROFILES.glob("*.json"):
        definition = json.loads(path.read_text())
        kind, name = definition["resourceType"], definition["id"]
        assert path.stem == f"{kind}-{name}"
        assert definition["url"] == f"{CANONICAL}/{kind}/{name}"


def test_every_extension_is_one_of_ours_and_has_the_parts_it_is_defined_with() -> None:
    seen = set()
    for resource in _everything():
        for path, extension in _extended(resource):
            seen.add(extension["url"])
            definition = DEFINITIONS[extension["url"]]
            assert definition["context"] == [{"type": "element", "expression": path}]
            defined = _parts(definition)
            if not defined:  # a value of its own
                (value,) = (element for element in definition["differential"]["element"] if "type" in element)
                assert set(extension) == {"url", f"value{value['type'][0]['code']}"}
                continue
            given = {part["url"]: part for part in extension["extension"]}
            assert len(given) == len(extension["extension"])
            assert {name for name, part in defined.items() if part["min"]} <= set(given) <= set(defined)
            for name, part in given.items():
                kind = defined[name]["type"]
                value = part[f"value{kind[0].upper()}{kind[1:]}"]
                if defined[name]["unit"]:
                    assert value["code"] == defined[name]["unit"]
    assert seen == {url for url, one in DEFINITIONS.items() if one.get("type") == "Extension"}


def test_every_profile_and_code_of_ours_is_defined() -> None:
    used: set[tuple[str, str]] = set()
    for resource in _everything():
        for profile in resource["meta"].get("profile", []):
            assert profile in DEFINITIONS or not profile.startswith(CANONICAL)
        for holder in _holders(resource):
            if str(holder.get("system", "")).startswith(CANONICAL):
                defined = {one["code"]: one["display"] for one in DEFINITIONS[holder["system"]]["concept"]}
                assert holder.get("display", defined[holder["code"]]) == defined[holder["code"]]
                used.add((holder["system"], holder["code"]))
    for name in ("session-function", "finding-state"):
        system = f"{CANONICAL}/CodeSystem/{name}"
        assert {code for url, code in used if url == system} == {
            one["code"] for one in DEFINITIONS[system]["concept"]
        }


@pytest.mark.parametrize("url", [url for url, one in DEFINITIONS.items() if one["resourceType"] != "CodeSystem"])
def test_a_definition_says_what_it_is_for(url: str) -> None:
    definition = DEFINITIONS[url]
    assert definition["fhirVersion"] == "4.0.1"
    assert definition["description"].endswith(".")


@pytest.mark.parametrize("url", DEFINITIONS)
def test_a_definition_is_valid_itself(url: str) -> None:
    assert fhirkit.validate(json.dumps(DEFINITIONS[url])) == []
