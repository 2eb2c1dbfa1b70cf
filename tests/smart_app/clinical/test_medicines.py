"""Entries to medicines: what tells of one use is one use, whatever order it comes in, and nothing is lost."""

from itertools import permutations

from fhir_mappings.facts.clinical import MedicationUse, PatientFacts
from smart_app.clinical.medicines import Medicine, medicines


def a_use(
    reference: str, *ingredients: str, label: str = "", current: bool = True, **changes: object
) -> MedicationUse:
    values: dict[str, object] = {
        "reference": reference,
        "label": label or " / ".join(ingredients),
        "ingredients": frozenset(ingredients),
        "classes": frozenset({"maoi"}) if "phenelzine" in ingredients else frozenset(),
        "current": current,
    }
    return MedicationUse(**(values | changes))  # type: ignore[arg-type]


def merged(*uses: MedicationUse) -> tuple[Medicine, ...]:
    return medicines(PatientFacts(person=None, medications=uses))


def names(*uses: MedicationUse) -> list[str]:
    return [medicine.name for medicine in merged(*uses)]


def test_brand_and_generic_are_one_medicine_with_every_source() -> None:
    (found,) = merged(
        a_use("MedicationRequest/1", "sertraline", label="Zoloft"), a_use("MedicationStatement/2", "sertraline")
    )
    assert (found.name, found.resolved, len(found.uses)) == ("sertraline", True, 2)
    assert found.references == ("MedicationRequest/1", "MedicationStatement/2")


def test_entries_that_derive_from_each_other_are_one_use() -> None:
    request = a_use("MedicationRequest/1", "sertraline", current=False)
    statement = a_use("MedicationStatement/1", "sertraline", derived_from=("MedicationRequest/1",))
    dispense = a_use(
        "MedicationDispense/1", "sertraline", derived_from=("MedicationRequest/1", "MedicationRequest/gone")
    )
    other = a_use("MedicationRequest/2", "sertraline", current=False)
    (found,) = merged(request, statement, dispense, other)
    assert [[entry.reference for entry in use.entries] for use in found.uses] == [
        ["MedicationDispense/1", "MedicationRequest/1", "MedicationStatement/1"],
        ["MedicationRequest/2"],
    ]
    assert [use.current for use in found.uses] == [True, False]
    assert found.current


def test_a_combination_stands_under_each_of_its_ingredients() -> None:
    fluoxetine, olanzapine = merged(a_use("MedicationRequest/1", "olanzapine", "fluoxetine", label="Symbyax"))
    assert (fluoxetine.name, fluoxetine.combined_with) == ("fluoxetine", {"olanzapine"})
    assert (olanzapine.name, olanzapine.combined_with) == ("olanzapine", {"fluoxetine"})


def test_an_entry_in_words_is_what_the_entry_it_derives_from_is() -> None:
    request = a_use("MedicationRequest/1", "phenelzine")
    statement = a_use("MedicationStatement/1", label="the MAO pill", derived_from=("MedicationRequest/1",))
    (found,) = merged(statement, request)
    assert (found.name, found.references) == ("phenelzine", ("MedicationRequest/1", "MedicationStatement/1"))
    assert found.classes == {"maoi"}


def test_an_entry_that_names_its_medicine_stands_under_that_alone() -> None:
    """Entries of one use that contradict each other: each counts for what it says."""
    request = a_use("MedicationRequest/1", "phenelzine")
    statement = a_use("MedicationStatement/1", "sertraline", derived_from=("MedicationRequest/1",))
    found = {medicine.name: medicine.references for medicine in merged(request, statement)}
    assert found == {"phenelzine": ("MedicationRequest/1",), "sertraline": ("MedicationStatement/1",)}


def test_what_could_not_be_resolved_is_listed_last_by_its_label() -> None:
    found = merged(
        a_use("MedicationRequest/1", label="Simvastatin  20 mg"),
        a_use("MedicationRequest/2", label="simvastatin 20 MG"),
        a_use("MedicationRequest/3", "sertraline"),
        a_use("MedicationRequest/4", label="a herb"),
    )
    assert [(medicine.name, medicine.resolved) for medicine in found] == [
        ("sertraline", True),
        ("a herb", False),
        ("Simvastatin  20 mg", False),
    ]
    assert found[2].references == ("MedicationRequest/1", "MedicationRequest/2")


def test_a_label_is_never_mixed_up_with_an_ingredient() -> None:
    assert [m.resolved for m in merged(a_use("M/1", "sertraline"), a_use("M/2", label="sertraline"))] == [True, False]


def test_order_and_repeats_do_not_matter() -> None:
    uses = (
        a_use("MedicationRequest/1", "sertraline"),
        a_use("MedicationStatement/1", derived_from=("MedicationRequest/1",), label="pill"),
        a_use("MedicationDispense/1", "fluoxetine", derived_from=("MedicationStatement/1",)),
        a_use("MedicationRequest/2", "olanzapine", "fluoxetine"),
    )
    expected = merged(*uses)
    assert all(merged(*order, order[0]) == expected for order in permutations(uses))


def test_a_circle_of_derivations_is_one_use() -> None:
    one = a_use("MedicationRequest/1", "sertraline", derived_from=("MedicationStatement/1",))
    two = a_use("MedicationStatement/1", "sertraline", derived_from=("MedicationRequest/1",))
    (found,) = merged(one, two)
    assert len(found.uses) == 1


def test_as_needed_only_where_every_entry_says_so() -> None:
    (found,) = merged(
        a_use("MedicationRequest/1", "lorazepam", as_needed=True),
        a_use("MedicationStatement/1", "lorazepam", derived_from=("MedicationRequest/1",)),
    )
    assert not found.uses[0].as_needed


def test_no_entries_are_no_medicines() -> None:
    assert names() == []
