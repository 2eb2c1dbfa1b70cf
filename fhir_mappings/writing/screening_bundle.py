"""The one door out for a screening: its ClinicalImpression and DetectedIssues as bytes, or all in one Bundle."""

from __future__ import annotations

import re

from fhir_mappings import wire
from fhir_mappings.facts.screening import ScreeningFinding, ScreeningRecord
from fhir_mappings.writing.check import checked
from fhir_mappings.writing.clinical_impression import clinical_impression
from fhir_mappings.writing.datatypes import concept, instant, plain
from fhir_mappings.writing.detected_issue import detected_issue, severity
from fhir_mappings.writing.entries_read import EntriesRead
from fhir_mappings.writing.errors import Unwritable
from fhir_mappings.writing.instance import Instance, urn
from fhir_mappings.writing.soundness import refuse_unsound
from fhir_mappings.writing.terminology import FINDING_STATE, SCREENING_STATUS
from fhir_mappings.writing.written import Json, WrittenResource

__all__ = ["Unwritable", "WrittenResource", "screening_bundle", "screening_resources"]

_CODE = re.compile(r"[A-Za-z0-9.-]+")
_KINDS = frozenset({"indication", "contraindication", "hold", "review", "caution", "missing", "information"})


def screening_resources(record: ScreeningRecord, instance: Instance) -> tuple[WrittenResource, ...]:
    """The DetectedIssues, then the ClinicalImpression that names them; the same facts give the same bytes.

    Raises Unwritable.
    """
    *issues, impression = _resources(record, instance)
    return (
        *(_written(issue, f"Finding against treatment {number}") for number, issue in enumerate(issues, start=1)),
        _written(impression, "Screening"),
    )


def screening_bundle(record: ScreeningRecord, instance: Instance) -> bytes:
    """A collection Bundle: the ClinicalImpression, its DetectedIssues, and this app as the Device that found them.

    What is kept or handed out, not what is sent: an EHR is sent `screening_resources`. The same facts give the same
    bytes. Raises Unwritable.
    """
    *issues, impression = _resources(record, instance)
    return wire.encode(
        {
            "resourceType": "Bundle",
            "type": "collection",
            "timestamp": instant("record.at", record.at),
            "entry": [_entry(resource) for resource in (impression, *issues, checked(_device(instance)))],
        }
    )


def _resources(record: ScreeningRecord, instance: Instance) -> list[Json]:
    refuse_unsound("record", record)
    _refuse_contradictions(record)
    entries = EntriesRead.of(record)
    issues = [
        checked(detected_issue(record, finding, grave, entries, instance))
        for finding in record.findings
        if (grave := severity(finding)) is not None
    ]
    links = [instance.link("DetectedIssue", "finding", issue["identifier"][0]["value"]) for issue in issues]
    return [*issues, checked(clinical_impression(record, links, entries, instance))]


def _device(instance: Instance) -> Json:
    return {
        "resourceType": "Device",
        "identifier": [instance.device()["identifier"]],
        "deviceName": [{"name": "ketamine-pathway", "type": "manufacturer-name"}],
        "type": concept(text="Decision support software"),
        "version": [{"value": instance.version}],
    }


def _written(resource: Json, label: str) -> WrittenResource:
    identifier = resource["identifier"][0]
    return WrittenResource(
        resource_type=resource["resourceType"],
        system=identifier["system"],
        value=identifier["value"],
        label=label,
        body=wire.encode(resource),
    )


def _entry(resource: Json) -> Json:
    return {"fullUrl": urn(**resource["identifier"][0]), "resource": resource}


def _refuse_contradictions(record: ScreeningRecord) -> None:
    if not _CODE.fullmatch(record.rules_version):
        raise Unwritable("record.rules_version", "is not a version (letters, digits, dot and hyphen)")
    for fact, status in (("status", record.status), ("after_overrides", record.after_overrides)):
        if status is not None and status not in SCREENING_STATUS:
            raise Unwritable(f"record.{fact}", "is not one of the six answers of a screening")
    rules = [finding.rule for finding in record.findings]
    if len(set(rules)) != len(rules):
        raise Unwritable("record.findings", "name a rule twice")
    for index, finding in enumerate(record.findings):
        _refuse_contradictory(f"record.findings[{index}]", finding)


def _refuse_contradictory(fact: str, finding: ScreeningFinding) -> None:
    if not _CODE.fullmatch(finding.rule):
        raise Unwritable(f"{fact}.rule", "is not the id of a rule")
    if finding.state not in FINDING_STATE:
        raise Unwritable(f"{fact}.state", "is not one of the four answers of a rule")
    if finding.kind not in _KINDS:
        raise Unwritable(f"{fact}.kind", "is not a kind of finding")
    if finding.effect is not None and finding.effect not in SCREENING_STATUS:
        raise Unwritable(f"{fact}.effect", "is not one of the six answers of a screening")
    if not plain(finding.question):
        raise Unwritable(f"{fact}.question", "is empty")
    if finding.override is not None and severity(finding) is None:
        raise Unwritable(f"{fact}.override", "is of a finding that does not stand against treatment")
    if finding.override is not None and not plain(finding.override.reason):
        raise Unwritable(f"{fact}.override.reason", "is empty")
