"""A screening as a ClinicalImpression (R4): what was read, what every rule found, and what could not be looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from fhir_mappings.facts.screening import ScreeningFinding, ScreeningRecord
from fhir_mappings.facts.treatment import Clinician
from fhir_mappings.writing.canonical import FINDING_STATE_EXTENSION, SCREENING_PROFILE, screening_protocol
from fhir_mappings.writing.datatypes import PRACTITIONERS, annotation, concept, instant, person, plain, reference
from fhir_mappings.writing.detected_issue import answer_words
from fhir_mappings.writing.entries_read import EntriesRead, entries_in, is_entry, type_of
from fhir_mappings.writing.instance import Instance
from fhir_mappings.writing.terminology import FINDING_STATE, SCREENING_STATUS, finding_state, screening_rule
from fhir_mappings.writing.written import Json

# R4 lets investigation.item be one of these; what else was read is supportingInfo.
_INVESTIGATIONS = frozenset(
    {
        "Observation",
        "QuestionnaireResponse",
        "FamilyMemberHistory",
        "DiagnosticReport",
        "RiskAssessment",
        "ImagingStudy",
        "Media",
    }
)


def clinical_impression(
    record: ScreeningRecord, issues: Sequence[Json], entries: EntriesRead, instance: Instance
) -> Json:
    """`issues` are References to the DetectedIssues of this screening."""
    return {
        "resourceType": "ClinicalImpression",
        "meta": {"profile": [SCREENING_PROFILE]},
        "identifier": [instance.identifier("screening", record.id)],
        "status": "completed",
        "code": concept(text="Screening for ketamine treatment of depression"),
        "description": "Decision support: rules asked about what was read of the chart. The clinician decides.",
        "subject": reference("record.patient", record.patient, "Patient"),
        **_encounter(record),
        "effectiveDateTime": record.as_of.isoformat(),
        "date": instant("record.at", record.at),
        "assessor": _assessor(record.assessor),
        **_problem(record, entries),
        **_investigation(record, entries),
        "protocol": [screening_protocol(record.rules_version)],
        "summary": _summary(record, len(issues)),
        **_findings(record, entries),
        **_supporting(record, issues, entries),
        **_notes(record, instance),
    }


def _summary(record: ScreeningRecord, issues: int) -> str:
    """The status and the counts in words."""
    states = Counter(finding.state for finding in record.findings)
    counts = [f"{words.lower()} {states[state]}" for state, words in FINDING_STATE.items()]
    left = f" With overrides: {SCREENING_STATUS[record.after_overrides].lower()}." if record.after_overrides else ""
    return (
        f"{SCREENING_STATUS[record.status]}.{left} Rules: {', '.join(counts)}. "
        f"Against treatment: {issues}. Entries or searches that could not be used: {len(record.gaps)}."
    )


def _assessor(clinician: Clinician) -> Json:
    """A user whom the EHR does not know as a practitioner may look, and is then on record by name alone."""
    if any(f"{kind}/" in clinician.reference for kind in PRACTITIONERS):
        return person("record.assessor", clinician)
    return {"display": plain(clinician.name) or "A user whom the EHR did not name"}


def _encounter(record: ScreeningRecord) -> Json:
    if record.encounter is None:
        return {}
    return {"encounter": reference("record.encounter", record.encounter, "Encounter")}


def _problem(record: ScreeningRecord, entries: EntriesRead) -> Json:
    if not record.conditions:
        return {}
    urls = [f"{entries.base}/{condition}" for condition in dict.fromkeys(record.conditions)]
    return {"problem": [reference("record.conditions", url, "Condition") for url in urls]}


def _investigation(record: ScreeningRecord, entries: EntriesRead) -> Json:
    items = [entries.as_read(entry) for entry in _read(record) if _is_investigation(entry)]
    if not items:
        return {}
    return {"investigation": [{"code": concept(text="Read for screening"), "item": items}]}


def _supporting(record: ScreeningRecord, issues: Sequence[Json], entries: EntriesRead) -> Json:
    others = [entries.as_read(entry) for entry in _read(record) if not _is_investigation(entry)]
    supporting = [*others, *issues]
    return {"supportingInfo": supporting} if supporting else {}


def _read(record: ScreeningRecord) -> Iterator[str]:
    """Each entry once, in the order of reading."""
    return iter(dict.fromkeys(record.read))


def _is_investigation(entry: str) -> bool:
    return is_entry(entry) and type_of(entry) in _INVESTIGATIONS


def _findings(record: ScreeningRecord, entries: EntriesRead) -> Json:
    findings = [_finding(finding, entries) for finding in record.findings]
    return {"finding": findings} if findings else {}


def _finding(finding: ScreeningFinding, entries: EntriesRead) -> Json:
    """The state stands beside the rule as an extension, since a coding more would be another name of the rule."""
    text = f"{plain(finding.question)} {FINDING_STATE[finding.state]}."
    basis = _basis(finding, entries)
    return {
        "extension": [{"url": FINDING_STATE_EXTENSION, "valueCoding": finding_state(finding.state)}],
        "itemCodeableConcept": concept(screening_rule(finding.rule), text=text),
    } | ({"basis": basis} if basis else {})


def _basis(finding: ScreeningFinding, entries: EntriesRead) -> str:
    """The reason, and the entries it rests on by their references: R4 has no element for these here."""
    found = [entries.versions.get(entry, entry) for entry in entries_in(finding.evidence)]
    named = f"({', '.join(found)})" if found else ""
    return " ".join(filter(None, (plain(finding.reason), named)))


def _notes(record: ScreeningRecord, instance: Instance) -> Json:
    """Alerts first. What the app itself says names it in words: the author of an Annotation is never a Device."""
    by_app = {"authorString": instance.device()["display"], "time": instant("record.at", record.at)}
    notes = [by_app | {"text": f"Alert: {plain(alert)}"} for alert in record.alerts]
    gaps = [plain(gap) for gap in record.gaps if plain(gap)]
    if gaps:
        notes.append(by_app | {"text": f"Could not be used: {'; '.join(gaps)}."})
    notes += [annotation("record.answers", one.by, one.at, answer_words(one)) for one in record.answers]
    for finding in record.findings:
        if (override := finding.override) is not None:
            text = f"{finding.rule} overridden: {plain(override.reason)}"
            notes.append(annotation("record.findings.override", override.by, override.at, text))
    return {"note": notes} if notes else {}
