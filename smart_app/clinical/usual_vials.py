"""The vials in which a drug usually comes; another strength or size is asked back, since it may be a slip."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from fhir_mappings.facts.treatment import Drug
from smart_app.clinical.units import plain

# mg/mL -> mL. Ketamine hydrochloride injection as its US labels say how it is supplied (Ketalar and its generics);
# esketamine as the US label of its nasal spray does: 28 mg in 0.2 mL.
USUAL: Mapping[Drug, Mapping[Decimal, tuple[Decimal, ...]]] = MappingProxyType(
    {
        Drug.KETAMINE: MappingProxyType(
            {
                Decimal(10): (Decimal(20),),
                Decimal(50): (Decimal(10),),
                Decimal(100): (Decimal(5), Decimal(10)),
            }
        ),
        Drug.ESKETAMINE: MappingProxyType({Decimal(140): (Decimal("0.2"),)}),
    }
)


def vial_questions(drug: Drug, concentration: Decimal, volume: Decimal) -> dict[str, str]:
    """What is unusual of a vial, by field ("concentration" or "volume"), each as a question; empty: nothing."""
    sizes = USUAL[drug].get(concentration)
    if sizes is None:
        asked = f"{plain(concentration)} mg/mL. {drug.capitalize()} usually has {_either(USUAL[drug])} mg/mL."
        return {"concentration": f"Check: {asked} Is that right?"}
    if volume in sizes:
        return {}
    asked = f"{plain(volume)} mL. A vial of {plain(concentration)} mg/mL usually holds {_either(sizes)} mL."
    return {"volume": f"Check: {asked} Is that right?"}


def _either(amounts: Mapping[Decimal, object] | tuple[Decimal, ...]) -> str:
    *first, last = [plain(each) for each in amounts]
    return f"{', '.join(first)} or {last}" if first else last
