"""What other pages take from a screening: the banner, the newest weight, PHQ-9 totals, the indicating Conditions."""

from __future__ import annotations

from datetime import datetime

from fhir_mappings.facts.clinical import Allergy, PartialDate, PatientFacts, Score, Weight
from smart_app.clinical.finding import Kind, State
from smart_app.clinical.screening import ScreeningResult
from smart_app.use_cases.records import Json


def indicating(result: ScreeningResult) -> tuple[str, ...]:
    """The Conditions that are an indication, for Procedure.reasonReference and CarePlan.addresses."""
    wanted = [
        f for f in result.findings if f.state is State.MET and (f.kind is Kind.INDICATION or f.rule == "IND-UNSPEC")
    ]
    found = [evidence.reference for finding in wanted for evidence in finding.evidence]
    return tuple(dict.fromkeys(reference for reference in found if reference.startswith("Condition/")))


def banner(facts: PatientFacts) -> Json:
    person = facts.person
    if person is None:
        return {"allergies": _allergy_words(facts)}
    return {
        "family": person.family,
        "given": person.given,
        "birthDate": person.birth_date.text if person.birth_date else "",
        "gender": person.gender or "",
        "mrn": person.mrn or "",
        "address": person.address,
        "allergies": _allergy_words(facts),
    }


def _allergy_words(facts: PatientFacts) -> str:
    """Never blank: what is recorded, that none is, or that it could not be read."""
    failed = [gap for gap in facts.gaps if gap.area.value == "allergies" and not gap.listed_only]
    named = [allergy.label for allergy in facts.allergies if not allergy.none_known]
    if named:
        return ", ".join(dict.fromkeys(named)) + (" (not all could be read)" if failed else "")
    if failed:
        return "Could not load allergies"
    return _none_known(facts.allergies)


def _none_known(allergies: tuple[Allergy, ...]) -> str:
    return allergies[0].label if allergies else "No allergies recorded"


def latest_weight(weights: tuple[Weight, ...]) -> Json | None:
    dated = [weight for weight in weights if weight.when is not None and weight.when.exact]
    if not dated:
        return None
    latest = max(dated, key=lambda weight: (_order(weight.when), weight.reference))
    day = latest.when.last.isoformat() if latest.when else ""
    return {"kg": f"{latest.kilograms:f}", "date": day, "reference": latest.reference}


def phq9_totals(scores: tuple[Score, ...]) -> tuple[Json, ...]:
    """PHQ-9 totals of the chart, oldest first, with item 9 of the same day where it is recorded."""
    items = {score.when.last: score for score in scores if score.name == "phq9-item9" and score.when is not None}
    totals = [
        s for s in scores if s.name == "phq9-total" and s.when is not None and s.when.exact and s.value is not None
    ]
    return tuple(
        {
            "total": int(total.value or 0),
            "date": total.when.last.isoformat(),
            "reference": total.reference,
            "item9": int(items[total.when.last].value or 0) if total.when.last in items else None,
            "identifiers": list(total.identifiers),
        }
        for total in sorted(totals, key=lambda score: (_order(score.when), score.reference))
        if total.when is not None
    )


def _order(when: PartialDate | None) -> datetime:
    return when.sort_key if when is not None else datetime.min  # noqa: DTZ901 compared with other naive local times
