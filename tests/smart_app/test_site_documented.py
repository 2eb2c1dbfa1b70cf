"""Every key that site.toml takes stands in the docs, under a heading that operations.md leads to."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from fhir_mappings.facts.treatment import Route
from smart_app.clinical.criteria import CRITERIA
from smart_app.settings import TABLES, SettingInvalid, load_site

DOCS = Path(__file__).parents[2] / "docs"
OPERATIONS = (DOCS / "operations.md").read_text("utf-8")
PAGES = {
    "rules": "screening-criteria.md",
    "programme": "programmes.md",
    "session": "programmes.md",
    "ledger": "ledger.md",
    "signing": "operations.md",
    "outcomes": "questionnaires.md",
    "maintenance": "programmes.md",
}
HEADINGS = (
    *(f"rules.{criterion.id}" for criterion in CRITERIA),
    *(f"programme.{route}" for route in Route),
    *(name for name in TABLES if name not in {"rules", "programme"}),
)


def refused(site: Path, text: str) -> list[str]:
    site.write_text(text, "utf-8")
    with pytest.raises(SettingInvalid) as found:
        load_site(site)
    return str(found.value).splitlines()


def keys(site: Path) -> Iterator[tuple[str, str]]:
    """What each table takes, as it says itself of a key that it does not know."""
    for told in refused(site, "".join(f"[{each}]\nno_such = 1\n" for each in HEADINGS)):
        found = re.search(r"\[(\w+).*\] no_such: .*known are: (.*)", told)
        assert found is not None, told
        yield from ((found[1], key) for key in found[2].split(", "))


def test_each_key_is_documented(tmp_path: Path) -> None:
    taken = set(keys(tmp_path / "site.toml"))
    assert {table for table, _ in taken} == set(TABLES) == set(PAGES)
    text = {page: (DOCS / page).read_text("utf-8") for page in PAGES.values()}
    common = OPERATIONS  # what stands at every rule
    for table, key in sorted(taken):
        assert any(f"`{key}`" in told or f"{key} = " in told for told in (text[PAGES[table]], common)), (table, key)


def test_operations_leads_to_the_keys() -> None:
    for table, page in PAGES.items():
        assert re.search(rf"\[{table}[\].]", OPERATIONS), table
        assert page == "operations.md" or f"({page}" in OPERATIONS
    for page, heading in re.findall(r"\]\(([a-z-]*\.md)#([a-z0-9-]+)\)", OPERATIONS):
        found = re.findall(r"^#+ (.*)$", (DOCS / page).read_text("utf-8"), re.MULTILINE)
        assert heading in {re.sub(r"[^a-z0-9 -]", "", each.lower()).replace(" ", "-") for each in found}


def test_what_the_docs_show_is_taken(tmp_path: Path) -> None:
    shown = [text for text in re.findall(r"```toml\n(.*?)```", OPERATIONS, re.DOTALL) if "[ehr." not in text]
    site = tmp_path / "site.toml"
    site.write_text("\n".join(shown), "utf-8")
    assert set(tomllib.loads(site.read_text("utf-8"), parse_float=Decimal)) == set(TABLES)
    assert all(table.differs for table in load_site(site).tables if not table.of_programme)
