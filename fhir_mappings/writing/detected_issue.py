"""A finding that stands against treatment as a DetectedIssue (R4): how grave, on what evidence, who overrode it."""

from __future__ import annotations

from uuid import NAMESPACE_URL, uuid5

from fhir_mappings.facts.screening import AnswerRecord, OverrideRecord, ScreeningFinding, ScreeningRecord
from fhir_mappings.writing.canonical import ISSUE_PROFILE
from fhir_mappings.writing.datatypes import concept, instant, person, plain, reference
from fhir_mappings.writing.entries_read import EntriesRead, entries_in
from fhir_mappings.writing.instance import Instance
from fhir_mappings.writing.terminology import (
    ASSESSED_PATIENT,
    CAUTION_SEVERITY,
    ISSUE_CATEGORY,
    ISSUE_SEVERITY,
    THERAPY_APPROPRIATE,
    screening_rule,
)
from fhir_mappings.writing.written import Json

_GRAVE = ("contraindicated", "hold")  # against treatment, whatever the kind of the finding
_NEVER_AN_ISSUE = ("indication", "missing", "information")  # a lack of data is a gap, not an issue with the treatment


def severity(finding: ScreeningFinding) -> str | None:
    """high, moderate or low; None: the finding does not stand against treatment."""
    if finding.state != "met":
        return None
    if finding.kind in _NEVER_AN_ISSUE and finding.effect not in _GRAVE:
        return None
    return ISSUE_SEVERITY.get(finding.effect or "") or (CAUTION_SEVERITY if finding.kind == "caution" else None)


def issue_value(record: ScreeningRecord, rule: str, instance: Instance) -> str:
    """The identifier of the finding of one rule: derived, so that the same screening always names it alike."""
    return str(uuid5(NAMESPACE_URL, f"{instance.system('finding')}|{record.id}|{rule}"))


def detected_issue(
    record: ScreeningRecord, finding: ScreeningFinding, severity: str, entries: EntriesRead, instance: Instance
) -> Json:
    """`author` is this app, by its identifier: it need not exist as a Device of the EHR."""
    category = ISSUE_CATEGORY.get(finding.rule)
    rule = screening_rule(finding.rule)
    return {
        "resourceType": "DetectedIssue",
        "meta": {"profile": [ISSUE_PROFILE]},
        "identifier": [instance.identifier("finding", issue_value(record, finding.rule, instance))],
        "status": "final",
        "code": concept(*([category] if category else []), rule, text=plain(finding.question)),
        "severity": severity,
        "patient": reference("record.patient", record.patient, "Patient"),
        "identifiedDateTime": instant("record.at", record.at),
        "author": instance.device(),
        **_evidence(record, finding, entries),
        **({"detail": plain(finding.reason)} if plain(finding.reason) else {}),
        **_mitigation(finding.override),
    }


def answer_words(answer: AnswerRecord) -> str:
    """ "Is the patient pregnant? The patient says no; asked on 2026-11-23, holds until 2026-11-30." """
    said = "could not say" if answer.said == "unknown" else f"says {answer.said}"
    asked, until = answer.at.date().isoformat(), answer.until.isoformat()
    return f"{plain(answer.question)} The patient {said}; asked on {asked}, holds until {until}."


def _evidence(record: ScreeningRecord, finding: ScreeningFinding, entries: EntriesRead) -> Json:
    """`implicated` can be searched for and is the entry itself; the evidence is the version that was read."""
    elements: Json = {}
    found = entries_in(finding.evidence)
    if found:
        elements["implicated"] = [entries.as_it_stands(entry) for entry in found]
    said = [
        concept(text=answer_words(answer)) for answer in record.answers if f"answer/{answer.id}" in finding.evidence
    ]
    evidence: Json = {"code": said} if said else {}
    if found:
        evidence["detail"] = [entries.as_read(entry) for entry in found]
    return elements | ({"evidence": [evidence]} if evidence else {})


def _mitigation(override: OverrideRecord | None) -> Json:
    if override is None:
        return {}
    action = ASSESSED_PATIENT if override.assessed else THERAPY_APPROPRIATE
    return {
        "mitigation": [
            {
                "action": concept(action, text=plain(override.reason)),
                "date": instant("record.findings.override.at", override.at),
                "author": person("record.findings.override.by", override.by),
            }
        ]
    }
