"""The antidepressants whose trials count, and the daily dose from which a trial of each is adequate.

The minimum doses are working defaults that a clinician signs off: they were not checked against the tables of the
MGH-ATRQ or the ATHF. The WHO's defined daily doses (ATC/DDD, 2024) were; they measure use and are no threshold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Antidepressant:
    """One ingredient, or one combination that is judged as a product. Doses in mg a day.

    `ddd`: None where the WHO gives none. `note`: what the clinician should know of the minimum.
    """

    name: str  # in lower case, as MedicationUse.ingredients has it
    family: str
    minimum: Decimal
    ddd: Decimal | None = None
    note: str = ""


def _of(name: str, family: str, minimum: str, ddd: str = "", note: str = "") -> Antidepressant:
    return Antidepressant(
        name=name, family=family, minimum=Decimal(minimum), ddd=Decimal(ddd) if ddd else None, note=note
    )


DEXTROMETHORPHAN_BUPROPION = "dextromethorphan / bupropion"

ANTIDEPRESSANTS: Mapping[str, Antidepressant] = MappingProxyType(
    {
        drug.name: drug
        for drug in (
            _of("citalopram", "SSRI", "20", "20"),
            _of("escitalopram", "SSRI", "10", "10"),
            _of("fluoxetine", "SSRI", "20", "20", "Together with olanzapine it counts as fluoxetine."),
            _of("fluvoxamine", "SSRI", "100", "100", "The US label is for OCD; some instruments take 50 mg."),
            _of("paroxetine", "SSRI", "20", "20", "Controlled release: 25 mg. 7.5 mg for hot flushes is no trial."),
            _of("sertraline", "SSRI", "50", "50", "An older instrument takes 100 mg."),
            _of("vilazodone", "SSRI and 5-HT1A", "20", "", "Some instruments take 40 mg."),
            _of("vortioxetine", "multimodal", "10", "10", "The label starts at 10 mg and aims at 20 mg."),
            _of("venlafaxine", "SNRI", "150", "100", "The label starts at 75 mg; instruments commonly take 150 mg."),
            _of("desvenlafaxine", "SNRI", "50", "50"),
            _of("duloxetine", "SNRI", "60", "60", "Also given for pain: see what it was given for."),
            _of("levomilnacipran", "SNRI", "40", "40"),
            _of("milnacipran", "SNRI", "100", "100", "The US label is for fibromyalgia alone."),
            _of("bupropion", "NDRI", "300", "300", "Given to stop smoking or to lose weight it is no trial."),
            _of("mirtazapine", "NaSSA", "15", "30", "Stricter instruments take 30 mg."),
            _of("trazodone", "SARI", "300", "300", "50 to 100 mg at night for sleep is no adequate trial."),
            _of("nefazodone", "SARI", "300", "400"),
            _of(
                "amitriptyline", "TCA", "100", "75", "Stricter instruments take 150 mg; less is for pain or migraine."
            ),
            _of("imipramine", "TCA", "100", "100", "Stricter instruments take 150 mg."),
            _of("desipramine", "TCA", "100", "100", "Stricter instruments take 150 mg."),
            _of("nortriptyline", "TCA", "75", "75"),
            _of("clomipramine", "TCA", "100", "100", "The US label is for OCD."),
            _of("doxepin", "TCA", "100", "100", "3 to 6 mg are for sleep; on the skin it is no trial."),
            _of("protriptyline", "TCA", "30", "30"),
            _of("trimipramine", "TCA", "100", "150"),
            _of("amoxapine", "TCA", "150", "150"),
            _of("maprotiline", "tetracyclic", "100", "100"),
            _of("phenelzine", "MAOI", "45", "60"),
            _of("tranylcypromine", "MAOI", "30", "10"),
            _of("isocarboxazid", "MAOI", "20", "15"),
            _of("selegiline", "MAOI", "6", "", "Only the patch of 6 mg in 24 hours; by mouth it is for Parkinson's."),
            _of("gepirone", "5-HT1A", "36.3"),
            _of(
                DEXTROMETHORPHAN_BUPROPION,
                "combination",
                "210",
                "",
                "Judged by the product: bupropion 210 mg, two tablets a day as labelled, not the 300 mg of bupropion "
                "alone. It counts as one trial with bupropion.",
            ),
            _of("zuranolone", "neurosteroid", "50", "", "A course lasts 14 days, shorter than an adequate trial."),
        )
    }
)

# Added to an antidepressant, these are no trial of their own. Esketamine is none either.
AUGMENTERS = frozenset(
    {
        "lithium",
        "liothyronine",
        "buspirone",
        "aripiprazole",
        "brexpiprazole",
        "cariprazine",
        "lumateperone",
        "lurasidone",
        "olanzapine",
        "quetiapine",
        "risperidone",
        "ziprasidone",
    }
)
