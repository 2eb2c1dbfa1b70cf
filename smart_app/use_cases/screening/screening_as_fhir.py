"""One kept screening as FHIR: a ClinicalImpression, a DetectedIssue for each finding against treatment, a Device."""

from __future__ import annotations

from collections.abc import Mapping

from fhir_mappings.facts.screening import AnswerRecord, OverrideRecord, ScreeningFinding, ScreeningRecord
from fhir_mappings.writing.screening_bundle import screening_bundle
from smart_app.clinical.criteria import CRITERIA
from smart_app.use_cases.access import OtherPatient, audited, refuse
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ports import Clock, Work
from smart_app.use_cases.records import Caller, Json, StoredAnswer, StoredOverride, StoredScreening
from smart_app.use_cases.screening.judge_screening import answer_of
from smart_app.use_cases.site import Site

_ACTION = "clinician:screening:export"


def screening_as_fhir(work: Work, clock: Clock, caller: Caller, screening_id: str, site: Site) -> bytes:
    """A Bundle of type collection, the same bytes each time. Refused for another patient's screening, and audited."""
    now = clock()
    with work() as uow:
        screening = uow.screenings.get(screening_id)
        if screening is None:
            refuse(uow, caller, now, _ACTION, Refused("There is no such screening."))
        if (screening.ehr, screening.patient) != (caller.ehr, caller.patient):
            refuse(uow, caller, now, _ACTION, OtherPatient("This screening belongs to another patient."))
        uow.audit.add(audited(caller, now, _ACTION, f"screening/{screening.id}"))
        uow.commit()
    return screening_bundle(record_of(screening, caller.fhir_base), site.instance)


def record_of(screening: StoredScreening, fhir_base: str) -> ScreeningRecord:
    """The screening in the words of the writers."""
    result = screening.result
    asked = {question["rule"]: question["words"] for question in result.get("questions", ())}
    overrides = {override.rule: _override(override) for override in screening.overrides}
    return ScreeningRecord(
        id=screening.id,
        at=screening.judged or screening.at,
        as_of=screening.day,
        patient=screening.patient,
        fhir_base=fhir_base,
        assessor=screening.by,
        status=screening.status,
        after_overrides=screening.after_overrides,
        rules_version=screening.rules_version,
        findings=tuple(
            _finding(finding, overrides.get(finding["rule"]))
            for finding in _in_order([*result.get("findings", ()), *result.get("looked_at", ())])
        ),
        read=screening.read,
        conditions=screening.conditions,
        alerts=tuple(alert["text"] for alert in result.get("alerts", ())),
        gaps=tuple(f"{gap['reference']}: {gap['reason']}" for gap in result.get("gaps", ())),
        answers=tuple(_answer(answer, asked) for answer in screening.answers),
        encounter=f"{fhir_base}/Encounter/{screening.encounter}" if screening.encounter else None,
    )


_ORDER = {criterion.id: number for number, criterion in enumerate(CRITERIA)}


def _in_order(findings: list[Json]) -> list[Json]:
    return sorted(findings, key=lambda finding: _ORDER.get(finding["rule"], len(_ORDER)))


def _finding(finding: Json, override: OverrideRecord | None) -> ScreeningFinding:
    return ScreeningFinding(
        rule=finding["rule"],
        kind=finding["kind"],
        state=finding["state"],
        effect=finding.get("effect"),
        question=finding["title"],
        reason=finding["reason"],
        evidence=tuple(dict.fromkeys(each["reference"] for each in finding["evidence"])),
        override=override,
    )


def _override(override: StoredOverride) -> OverrideRecord:
    return OverrideRecord(reason=override.reason, by=override.by, at=override.at)


def _answer(stored: StoredAnswer, asked: Mapping[str, str]) -> AnswerRecord:
    return AnswerRecord(
        id=stored.id,
        question=asked.get(stored.question, stored.question),
        said=stored.said,
        by=stored.by,
        at=stored.at,
        until=answer_of(stored).until,
    )
