"""NLM's RxNorm files: the walk from a product to its ingredients, what is left out, and what is refused.

The rows are written by hand in the format of the files; the codes of made-up drugs are not RxNorm's.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from pathlib import Path

import pytest

from fhir_mappings.codes.medicines import MedicineTable, shipped_table
from fhir_mappings.codes.rxnorm_files import Release, RxnormUnusable, read_release
from fhir_mappings.codes.site_medicines import SiteTableUnusable, encode_release, load_site_table, table_of
from fhir_mappings.codes.systems import RXNORM
from fhir_mappings.facts.clinical import Code, Resolution


def concept(cui: str, kind: str, name: str, *, source: str = "RXNORM", suppress: str = "N") -> str:
    fields = [cui, "ENG", "", "", "", "", "", f"9{cui}", "", cui, "", source, kind, cui, name, "", suppress, "4096"]
    return "|".join(fields) + "|"


def relation(whole: str, name: str, part: str, *, source: str = "RXNORM", suppress: str = "") -> str:
    """ "`whole` has the relation `name` to `part`": in the files the second concept comes second."""
    fields = [part, "", "CUI", "RO", whole, "", "CUI", name, "1", "", source, "", "", "", suppress, "4096"]
    return "|".join(fields) + "|"


SERTRALINE = [
    concept("36437", "IN", "sertraline"),
    concept("155137", "PIN", "sertraline hydrochloride"),
    concept("315677", "SCDC", "sertraline 50 MG"),
    concept("371457", "SCDF", "sertraline Oral Tablet"),
    concept("312941", "SCD", "sertraline 50 MG Oral Tablet"),
    concept("82728", "BN", "Zoloft"),
    concept("208149", "SBD", "sertraline 50 MG Oral Tablet [Zoloft]"),
    concept("366439", "SBDF", "sertraline Oral Tablet [Zoloft]"),
]
SERTRALINE_RELATIONS = [
    relation("155137", "form_of", "36437"),
    relation("315677", "has_ingredient", "36437"),
    relation("371457", "has_ingredient", "36437"),
    relation("312941", "consists_of", "315677"),
    relation("312941", "isa", "371457"),
    relation("82728", "tradename_of", "36437"),
    relation("208149", "consists_of", "315677"),
    relation("208149", "tradename_of", "312941"),
    relation("208149", "has_ingredient", "82728"),
    relation("366439", "tradename_of", "371457"),
]
COMBINATION = [
    concept("4493", "IN", "FLUoxetine"),
    concept("61381", "IN", "olanzapine"),
    concept("900001", "MIN", "fluoxetine / olanzapine"),
    concept("900002", "SCDC", "fluoxetine 25 MG"),
    concept("900003", "SCDC", "olanzapine 6 MG"),
    concept("900004", "SCD", "fluoxetine 25 MG / olanzapine 6 MG Oral Capsule"),
    concept("900005", "BN", "Symbyax"),
    concept("900006", "GPCK", "{7 (fluoxetine 25 MG / olanzapine 6 MG Oral Capsule) } Pack"),
    concept("900007", "BPCK", "{7 (fluoxetine 25 MG / olanzapine 6 MG Oral Capsule) } Pack [Symbyax]"),
]
COMBINATION_RELATIONS = [
    relation("900001", "has_part", "4493"),
    relation("900001", "has_part", "61381"),
    relation("900002", "has_ingredient", "4493"),
    relation("900003", "has_ingredient", "61381"),
    relation("900004", "has_ingredients", "900001"),
    relation("900004", "consists_of", "900002"),
    relation("900004", "consists_of", "900003"),
    relation("900005", "tradename_of", "900001"),
    relation("900006", "contains", "900004"),
    relation("900007", "tradename_of", "900006"),
]
_INVERSE = {
    "form_of": "has_form",
    "has_ingredient": "ingredient_of",
    "has_ingredients": "ingredients_of",
    "consists_of": "constitutes",
    "isa": "inverse_isa",
    "tradename_of": "has_tradename",
    "has_part": "part_of",
    "contains": "contained_in",
}


def inverse(row: str) -> str:
    part, *_, whole, _, _, name = row.split("|")[:8]
    return relation(part, _INVERSE[name], whole)


def files(folder: Path, concepts: Iterable[str], relations: Iterable[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "RXNCONSO.RRF").write_text("".join(row + "\n" for row in concepts), "utf-8")
    (folder / "RXNREL.RRF").write_text("".join(row + "\n" for row in relations), "utf-8")
    return folder


def release(folder: Path, concepts: Iterable[str], relations: Iterable[str]) -> Release:
    return read_release(files(folder, concepts, relations))


ALL = [*SERTRALINE, *COMBINATION]
ALL_RELATIONS = [*SERTRALINE_RELATIONS, *COMBINATION_RELATIONS]
BOTH_WITH_STRENGTHS = [["fluoxetine", "25", "MG"], ["olanzapine", "6", "MG"]]
BOTH = [["fluoxetine"], ["olanzapine"]]


@pytest.mark.parametrize(
    ("cui", "parts"),
    [
        ("312941", [["sertraline", "50", "MG"]]),
        ("208149", [["sertraline", "50", "MG"]]),
        ("371457", [["sertraline"]]),
        ("366439", [["sertraline"]]),
        ("82728", [["sertraline"]]),
        ("900001", BOTH),
        ("900004", BOTH_WITH_STRENGTHS),
        ("900005", BOTH),
        ("900006", BOTH),
        ("900007", BOTH),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_every_kind_of_product_leads_to_its_ingredients(
    tmp_path: Path, cui: str, parts: list[list[str]], *, turned: bool
) -> None:
    """By the rows of either direction alone."""
    relations = [inverse(row) for row in ALL_RELATIONS] if turned else ALL_RELATIONS
    found = release(tmp_path, ALL, relations)
    assert found.products[cui][1] == parts
    assert (found.partly, found.unknown) == (0, 0)


def test_ingredients_and_precise_ingredients_are_known_by_their_code(tmp_path: Path) -> None:
    found = release(tmp_path, ALL, ALL_RELATIONS)
    assert found.ingredients == {
        "36437": "sertraline",
        "155137": "sertraline",
        "4493": "fluoxetine",
        "61381": "olanzapine",
    }


def test_two_salts_of_one_ingredient_stay_two_components(tmp_path: Path) -> None:
    salts = [
        concept("900010", "SCDC", "sertraline tartrate 12.5 MG"),
        concept("900011", "SCDC", "sertraline citrate 12.5 MG"),
        concept("900012", "SCD", "sertraline salts 25 MG Oral Tablet"),
    ]
    relations = [
        relation("900010", "has_ingredient", "36437"),
        relation("900011", "has_ingredient", "36437"),
        relation("900012", "consists_of", "900010"),
        relation("900012", "consists_of", "900011"),
    ]
    found = release(tmp_path, [*SERTRALINE, *salts], [*SERTRALINE_RELATIONS, *relations])
    assert found.products["900012"][1] == [["sertraline", "12.5", "MG"]] * 2


@pytest.mark.parametrize(
    "row",
    [
        concept("900004", "SCD", "not RxNorm's", source="MTHSPL"),
        concept("900004", "SCD", "suppressed", suppress="Y"),
        concept("900004", "SCD", "obsolete", suppress="O"),
        concept("900004", "PSN", "a synonym"),
        concept("900004", "DF", "a dose form"),
    ],
)
def test_only_current_names_of_rxnorm_count(tmp_path: Path, row: str) -> None:
    found = release(
        tmp_path, [*SERTRALINE, row], [*SERTRALINE_RELATIONS, relation("900004", "consists_of", "315677")]
    )
    assert "900004" not in found.products


@pytest.mark.parametrize("changes", [{"source": "MTHSPL"}, {"suppress": "O"}, {"suppress": "Y"}])
def test_only_current_relations_of_rxnorm_count(tmp_path: Path, changes: dict[str, str]) -> None:
    row = relation("208149", "consists_of", "900002", **changes)
    found = release(tmp_path, ALL, [*ALL_RELATIONS, row])
    assert found.products["208149"][1] == [["sertraline", "50", "MG"]]


def test_relations_that_say_nothing_of_what_is_in_it_are_passed_over(tmp_path: Path) -> None:
    row = relation("208149", "reformulated_to", "900004")
    found = release(tmp_path, ALL, [*ALL_RELATIONS, row])
    assert found.products["208149"][1] == [["sertraline", "50", "MG"]]


def test_a_missing_component_is_counted_and_stays_visible(tmp_path: Path) -> None:
    concepts = [row for row in ALL if not row.startswith("900003|")]
    found = release(tmp_path, concepts, ALL_RELATIONS)
    assert found.products["900004"][1] == [[""], ["fluoxetine", "25", "MG"]]
    assert found.partly == 3  # the capsule and its two packs
    table = load(tmp_path, found)
    resolved = table.resolve([Code(system=RXNORM, code="900004")], [])
    assert (resolved.ingredients, resolved.whole) == ({"fluoxetine"}, False)


def test_a_product_of_which_nothing_is_known_is_left_out_and_counted(tmp_path: Path) -> None:
    found = release(tmp_path, [*SERTRALINE, concept("900020", "SCD", "a herb")], SERTRALINE_RELATIONS)
    assert "900020" not in found.products
    assert found.unknown == 1


@pytest.mark.parametrize("place", ["", "rrf"])
def test_the_files_are_found_in_the_folder_or_in_its_rrf(tmp_path: Path, place: str) -> None:
    files(tmp_path / place, ALL, ALL_RELATIONS)
    assert len(read_release(tmp_path).products) == 10


def test_the_release_is_told_by_rxnsab_or_by_the_name_of_the_folder(tmp_path: Path) -> None:
    named = files(tmp_path / "RxNorm_full_prescribe_07012024" / "rrf", ALL, ALL_RELATIONS)
    assert read_release(named).release == "07012024"
    fields = ["C1", "C2", "RXNORM20AA", "RXNORM", "RxNorm", "", "20AA_240701F", *[""] * 18]
    (named / "RXNSAB.RRF").write_text("|".join(fields) + "|\n")
    assert read_release(named.parent).release == "20AA_240701F"


def load(folder: Path, found: Release) -> MedicineTable:
    path = folder / "table.json.gz"
    path.write_bytes(encode_release(found))
    return load_site_table(path)


def test_the_table_comes_back_as_it_was_with_the_shipped_one_under_it(tmp_path: Path) -> None:
    table = load(tmp_path, release(tmp_path, ALL, ALL_RELATIONS))
    assert table.resolve([Code(system=RXNORM, code="900005")], []).ingredients == {"fluoxetine", "olanzapine"}
    assert table.resolve([Code(system=RXNORM, code="155137")], []).resolution is Resolution.INGREDIENT
    assert table.resolve([Code(system=RXNORM, code="6130")], []).ingredients == {"ketamine"}
    assert table.resolve([Code(system=RXNORM, code="1000048")], []).ingredients == {"doxepin"}


def test_the_same_release_gives_the_same_bytes(tmp_path: Path) -> None:
    first = release(tmp_path / "1", ALL, ALL_RELATIONS)
    assert encode_release(first) == encode_release(release(tmp_path / "2", ALL, ALL_RELATIONS))


def test_without_a_file_the_shipped_table_is_used(tmp_path: Path) -> None:
    assert table_of(tmp_path) is shipped_table()


@pytest.mark.parametrize(
    ("rows", "name", "words"),
    [
        ([*SERTRALINE, "36437|ENG|"], "RXNCONSO.RRF", "RXNCONSO.RRF is damaged: line 9 is not a row of 18 fields"),
        ([SERTRALINE[0][:-1]], "RXNCONSO.RRF", "line 1 is not a row"),
        ([SERTRALINE[0] + "more"], "RXNCONSO.RRF", "line 1 is not a row"),
        ([SERTRALINE[0] + "more|"], "RXNCONSO.RRF", "line 1 is not a row"),
        (["x" * 50_000], "RXNCONSO.RRF", "line 1 is not a row"),
        (["{}"], "RXNREL.RRF", "RXNREL.RRF is damaged: line 1 is not a row of 16 fields"),
        ([], "RXNCONSO.RRF", "no ingredient"),
        ([], "RXNREL.RRF", "no product"),
    ],
)
def test_damaged_files_are_refused_by_name_and_line(tmp_path: Path, rows: list[str], name: str, words: str) -> None:
    files(tmp_path, SERTRALINE, SERTRALINE_RELATIONS)
    (tmp_path / name).write_text("".join(row + "\n" for row in rows), "utf-8")
    with pytest.raises(RxnormUnusable, match=words):
        read_release(tmp_path)


@pytest.mark.parametrize("tail", [b"36437|\xff\n", b"36437|ENG"])
def test_a_file_that_is_cut_off_or_no_text_is_refused(tmp_path: Path, tail: bytes) -> None:
    path = files(tmp_path, SERTRALINE, SERTRALINE_RELATIONS) / "RXNCONSO.RRF"
    path.write_bytes(path.read_bytes() + tail)
    with pytest.raises(RxnormUnusable, match=r"RXNCONSO\.RRF is damaged: line 9"):
        read_release(tmp_path)


def test_a_row_cut_off_at_its_end_is_refused(tmp_path: Path) -> None:
    path = files(tmp_path, SERTRALINE, SERTRALINE_RELATIONS) / "RXNREL.RRF"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RxnormUnusable, match="line 10"):
        read_release(tmp_path)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(RxnormUnusable, match=r"holds no RXNCONSO\.RRF"):
        read_release(tmp_path)
    (tmp_path / "RXNCONSO.RRF").write_text("".join(row + "\n" for row in SERTRALINE))
    with pytest.raises(RxnormUnusable, match=r"RXNREL\.RRF cannot be read"):
        read_release(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not gzip",
        b"\x1f\x8b",
        b"{}",
        b"[]",
        b"null",
        b'{"format": 2, "release": "x", "ingredients": {}, "products": {}}',
        b'{"format": 1, "release": "x", "ingredients": {"1": ""}, "products": {}}',
        b'{"format": 1, "release": "x", "ingredients": {"1": 1}, "products": {}}',
        b'{"format": 1, "release": "x", "ingredients": {}, "products": {"1": ["a", []]}}',
        b'{"format": 1, "release": "x", "ingredients": {}, "products": {"1": ["a", [["b", "c", "MG"]]]}}',
        b'{"format": 1, "release": "x", "ingredients": {}, "products": {"1": ["a", [["b", "1"]]]}}',
        b'{"format": 1, "release": "x", "ingredients": [], "products": {}}',
        b'{"format": 1, "release": "x"}',
    ],
)
def test_a_damaged_table_is_refused_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rxnorm.json.gz"
    path.write_bytes(content if content in (b"", b"not gzip", b"\x1f\x8b") else gzip.compress(content))
    with pytest.raises(SiteTableUnusable, match="is damaged: load the RxNorm files again"):
        load_site_table(path)


def test_a_table_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rxnorm.json.gz"
    path.write_bytes(encode_release(release(tmp_path, ALL, ALL_RELATIONS))[:-20])
    with pytest.raises(SiteTableUnusable, match="is damaged"):
        load_site_table(path)
