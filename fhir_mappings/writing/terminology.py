"""The codes we write, each with where it was verified; nothing is coded that was not."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from fhir_mappings.facts.goals import Achievement
from fhir_mappings.facts.questionnaire import Instrument
from fhir_mappings.facts.treatment import Drug, EventOutcome, Place, Purpose, Route, SessionStatus, Severity
from fhir_mappings.writing.canonical import (
    FINDING_STATE_SYSTEM,
    OUTCOME_SYSTEM,
    SCREENING_RULE_SYSTEM,
    SESSION_FUNCTION_SYSTEM,
)
from fhir_mappings.writing.datatypes import coding, concept
from fhir_mappings.writing.written import Json

SNOMED: Final = "http://snomed.info/sct"
LOINC: Final = "http://loinc.org"
RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
_HL7: Final = "http://terminology.hl7.org/CodeSystem"

# SNOMED CT: found in public repositories. No procedure code names ketamine, and nasal and sublingual giving
# have none of their own, so the text names the drug and MedicationAdministration the route.
_INFUSION = coding(SNOMED, "14152002", "Intravenous infusion")
_INJECTION = coding(SNOMED, "76601001", "Intramuscular injection")
_GIVING = coding(SNOMED, "18629005", "Administration of drug or medicament")
PROCEDURE_CODE: Final[Mapping[Route, Json]] = MappingProxyType(
    {Route.IV: _INFUSION, Route.IM: _INJECTION, Route.IN: _GIVING, Route.SL: _GIVING}
)
PROCEDURE_TEXT: Final[Mapping[Route, str]] = MappingProxyType(
    {
        Route.IV: "Ketamine infusion",
        Route.IM: "Ketamine injection",
        Route.IN: "Intranasal ketamine",
        Route.SL: "Sublingual ketamine",
    }
)
# SNOMED CT 24642003: R4's own example set procedure-category.
PROCEDURE_CATEGORY: Final[Json] = concept(coding(SNOMED, "24642003", "Psychiatry procedure or service"))

# SNOMED CT: US Core 7.0.0, CQL eCQM content 2024 and public repositories (sublingual: one source).
ROUTE: Final[Mapping[Route, Json]] = MappingProxyType(
    {
        Route.IV: concept(coding(SNOMED, "47625008", "Intravenous route"), text="Intravenous"),
        Route.IN: concept(coding(SNOMED, "46713006", "Nasal route"), text="Intranasal"),
        Route.IM: concept(coding(SNOMED, "78421000", "Intramuscular route"), text="Intramuscular"),
        Route.SL: concept(coding(SNOMED, "37839007", "Sublingual route"), text="Sublingual"),
    }
)

# SNOMED CT: R4 value set procedure-outcome. The procedure as carried out, not the response to it.
SUCCESSFUL: Final[Json] = concept(coding(SNOMED, "385669000", "Successful"))
PARTIALLY_SUCCESSFUL: Final[Json] = concept(coding(SNOMED, "385670004", "Partially successful"))
UNSUCCESSFUL: Final[Json] = concept(coding(SNOMED, "385671000", "Unsuccessful"))

# RxNorm ingredient: OHDSI PhenotypeLibrary, CQL eCQM content 2024. Compounded products have no code of their own.
KETAMINE: Final[Json] = coding(RXNORM, "6130", "ketamine")
DRUG: Final[Mapping[Drug, Json]] = MappingProxyType(
    {Drug.KETAMINE: KETAMINE, Drug.ESKETAMINE: coding(RXNORM, "2119365", "esketamine")}
)
NDC: Final = "http://hl7.org/fhir/sid/ndc"

# LOINC: US Core 7.0.0.
PRESSURE_PANEL: Final[Json] = concept(
    coding(LOINC, "85354-9", "Blood pressure panel with all children optional"), text="Blood pressure"
)
SYSTOLIC: Final[Json] = concept(coding(LOINC, "8480-6", "Systolic blood pressure"))
DIASTOLIC: Final[Json] = concept(coding(LOINC, "8462-4", "Diastolic blood pressure"))
HEART_RATE: Final[Json] = concept(coding(LOINC, "8867-4", "Heart rate"), text="Heart rate")
RESPIRATORY_RATE: Final[Json] = concept(coding(LOINC, "9279-1", "Respiratory rate"), text="Respiratory rate")
OXYGEN_SATURATION: Final[Json] = concept(
    coding(LOINC, "59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry"),
    coding(LOINC, "2708-6", "Oxygen saturation in Arterial blood"),
    text="Oxygen saturation",
)

# HL7 terminology, as R4 4.0.1 and US Core 7.0.0 bind it.
SURVEY: Final[Json] = concept(coding(f"{_HL7}/observation-category", "survey", "Survey"))
VITAL_SIGNS: Final[Json] = concept(coding(f"{_HL7}/observation-category", "vital-signs", "Vital Signs"))
NOT_KNOWN: Final[Json] = concept(coding(f"{_HL7}/data-absent-reason", "unknown", "Unknown"))
ASSESS_PLAN: Final[Json] = concept(coding("http://hl7.org/fhir/us/core/CodeSystem/careplan-category", "assess-plan"))
SETTING: Final[Mapping[Place, Json]] = MappingProxyType(
    {
        Place.CLINIC: concept(coding(f"{_HL7}/medication-admin-category", "outpatient", "Outpatient")),
        Place.HOME: concept(coding(f"{_HL7}/medication-admin-category", "community", "Community")),
    }
)
# R4 4.0.1: adverse-event-seriousness, -severity and -outcome.
SERIOUS: Final[Json] = concept(coding(f"{_HL7}/adverse-event-seriousness", "Serious", "Serious"))
NON_SERIOUS: Final[Json] = concept(coding(f"{_HL7}/adverse-event-seriousness", "Non-serious", "Non-serious"))
EVENT_SEVERITY: Final[Mapping[Severity, Json]] = MappingProxyType(
    {
        each: concept(coding(f"{_HL7}/adverse-event-severity", each.value, each.value.capitalize()))
        for each in Severity
    }
)
EVENT_OUTCOME: Final[Mapping[EventOutcome, Json]] = MappingProxyType(
    {each: concept(coding(f"{_HL7}/adverse-event-outcome", each.value)) for each in EventOutcome}
)
# R4 4.0.1: goal-achievement.
GOAL_ACHIEVEMENT: Final[Mapping[Achievement, Json]] = MappingProxyType(
    {
        each: concept(coding(f"{_HL7}/goal-achievement", each.value, each.value.replace("-", " ").title()))
        for each in Achievement
    }
)
CREATED: Final[Json] = concept(coding(f"{_HL7}/v3-DataOperation", "CREATE", "create"))
UPDATED: Final[Json] = concept(coding(f"{_HL7}/v3-DataOperation", "UPDATE", "revise"))
TREATMENT: Final[Json] = concept(coding(f"{_HL7}/v3-ActReason", "TREAT", "treatment"))
# R4 value set signature-type.
_SIGNATURES = "urn:iso-astm:E1762-95:2013"
AUTHOR_SIGNATURE: Final[Json] = coding(_SIGNATURES, "1.2.840.10065.1.12.1.1", "Author's Signature")
VERIFICATION_SIGNATURE: Final[Json] = coding(_SIGNATURES, "1.2.840.10065.1.12.1.5", "Verification Signature")
ADDENDUM_SIGNATURE: Final[Json] = coding(_SIGNATURES, "1.2.840.10065.1.12.1.15", "Addendum Signature")
MODIFICATION_SIGNATURE: Final[Json] = coding(_SIGNATURES, "1.2.840.10065.1.12.1.16", "Modification Signature")

PROCEDURE_STATUS: Final[Mapping[SessionStatus, str]] = MappingProxyType(
    {
        status: status.value
        for status in SessionStatus
        if status not in {SessionStatus.PLANNED, SessionStatus.IN_PROGRESS}
    }
)

# Our rules and what each found: our own code systems.
FINDING_STATE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "met": "Met",
        "not-met": "Not met",
        "not-enough-data": "Not enough data",
        "could-not-look": "Could not look",
    }
)
# The six answers of a screening, in the words of its page.
SCREENING_STATUS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "contraindicated": "Contraindicated",
        "hold": "Not now",
        "no-indication": "No indication found",
        "insufficient-data": "Not enough data",
        "needs-review": "Needs review",
        "candidate": "No exclusion found",
    }
)
# R4 detectedissue-severity, by what a finding does to the status.
ISSUE_SEVERITY: Final[Mapping[str, str]] = MappingProxyType(
    {"contraindicated": "high", "hold": "moderate", "needs-review": "moderate"}
)
CAUTION_SEVERITY: Final = "low"

# HL7 v3-ActCode as R4's detectedissue-category knows it; OBSA is above COND, LAB and AGE and stands where a rule
# reads diagnoses and results alike. A rule that is not here has no code that fits.
_ISSUE_CATEGORIES: Final = (
    (
        coding(f"{_HL7}/v3-ActCode", "COND", "Condition Alert"),
        "ABS-SCZ ABS-IC ABS-ICH ABS-ICP ABS-CV ABS-MI ABS-ANEUR ABS-AVM HOLD-PSY REV-PSYHX HOLD-MANIA HOLD-HTNCRISIS "
        "REV-HTN REV-RESHTN REV-BIPOLAR REV-CV REV-STROKE REV-SUD HOLD-KETUSE REV-GLAUC REV-SEIZURE REV-RESP "
        "REV-NEUROCOG DATA-UNCONF",
    ),
    (
        coding(f"{_HL7}/v3-ActCode", "OBSA", "Observation Alert"),
        "HOLD-BP REV-BP-LABILE CAU-BP-LABEL URG-BP REV-HEP REV-THYROID REV-URO",
    ),
    (coding(f"{_HL7}/v3-ActCode", "PREG", "Pregnancy Alert"), "HOLD-PREG"),
    (coding(f"{_HL7}/v3-ActCode", "LACT", "Lactation Alert"), "HOLD-LACT"),
    (coding(f"{_HL7}/v3-ActCode", "AGE", "Age Alert"), "AGE-CHILD AGE-65"),
    (coding(f"{_HL7}/v3-ActCode", "REACT", "Reaction Alert"), "ABS-ALLERGY"),
    (
        coding(f"{_HL7}/v3-ActCode", "DRG", "Drug Interaction Alert"),
        "CAU-BZD CAU-LAM CAU-STIM CAU-MAOI CAU-OPIOID CAU-THEO",
    ),
    (coding(f"{_HL7}/v3-ActCode", "DUPTHPY", "Duplicate Therapy Alert"), "CAU-KETOVERLAP"),
)
ISSUE_CATEGORY: Final[Mapping[str, Json]] = MappingProxyType(
    {rule: category for category, rules in _ISSUE_CATEGORIES for rule in rules.split()}
)

# HL7 v3-ActCode: R4 value set detectedissue-mitigation-action.
THERAPY_APPROPRIATE: Final[Json] = coding(f"{_HL7}/v3-ActCode", "1", "Therapy Appropriate")
ASSESSED_PATIENT: Final[Json] = coding(f"{_HL7}/v3-ActCode", "2", "Assessed Patient")


# Results of questionnaires for which no LOINC code was verified, or whose code says something narrower.
OUTCOME: Final[Mapping[str, str]] = MappingProxyType(
    {
        "cssrs": "C-SSRS screener, risk",
        "cssrs-since": "C-SSRS screener since last visit, risk",
        "madrs": "MADRS total",
        "qids-sr16": "QIDS-SR16 total",
        "cadss6": "CADSS-6 total",
        "hamd17": "HAM-D17 total",
    }
)


def result_code(form: Instrument) -> Json:
    """What a result is: LOINC's total where there is one; else our own code, beside LOINC's form of a screener."""
    if form.total:
        return concept(coding(LOINC, form.total, form.total_display or None), text=f"{form.name} total")
    panel = [coding(LOINC, form.panel)] if form.panel else []
    return concept(*panel, coding(OUTCOME_SYSTEM, form.key, OUTCOME[form.key]), text=OUTCOME[form.key])


def dose_function(code: str) -> Json:
    """performer, verifier or witness (R4 med-admin-perform-function)."""
    return concept(coding(f"{_HL7}/med-admin-perform-function", code, code.capitalize()))


def provenance_role(code: str) -> Json:
    """author, enterer, attester or assembler (provenance-participant-type, as US Core 7.0.0 uses it)."""
    return concept(coding(f"{_HL7}/provenance-participant-type", code, code.capitalize()))


def session_function(code: str) -> Json:
    """administering, observing or signing: our own code system, since no fitting SNOMED code was verified."""
    return concept(coding(SESSION_FUNCTION_SYSTEM, code, code.capitalize()))


def screening_rule(rule: str) -> Json:
    """A rule of the screening, by the id it has on the rules page."""
    return coding(SCREENING_RULE_SYSTEM, rule)


def finding_state(state: str) -> Json:
    """met, not-met, not-enough-data or could-not-look."""
    return coding(FINDING_STATE_SYSTEM, state, FINDING_STATE[state])


def session_title(route: Route, number: int, of: int | None = None, purpose: Purpose = Purpose.COURSE) -> str:
    """What the treatment is called in a chart: "Ketamine infusion, session 3 of 6", "Booster session, ..."."""
    if purpose is Purpose.BOOSTER:
        words = PROCEDURE_TEXT[route]
        return f"Booster session, {words[:1].lower()}{words[1:]}"
    return f"{PROCEDURE_TEXT[route]}, session {number}" + (f" of {of}" if of else "")
