"""The gate before anything leaves: no nulls, no empty values, and valid by the R4B models of fhir.resources.

R4B 4.3.0 and R4 4.0.1 agree on every type written here. The models judge the dict and never write it, since
they would change its digits and times.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from fhir.resources.R4B.adverseevent import AdverseEvent
from fhir.resources.R4B.careplan import CarePlan
from fhir.resources.R4B.clinicalimpression import ClinicalImpression
from fhir.resources.R4B.detectedissue import DetectedIssue
from fhir.resources.R4B.device import Device
from fhir.resources.R4B.medicationadministration import MedicationAdministration
from fhir.resources.R4B.medicationstatement import MedicationStatement
from fhir.resources.R4B.observation import Observation
from fhir.resources.R4B.procedure import Procedure
from fhir.resources.R4B.provenance import Provenance
from fhir.resources.R4B.questionnaire import Questionnaire
from fhir.resources.R4B.questionnaireresponse import QuestionnaireResponse
from pydantic import ValidationError

from fhir_mappings.writing.errors import Unwritable
from fhir_mappings.writing.written import Json

_MODELS: Mapping[str, Any] = MappingProxyType(
    {
        "AdverseEvent": AdverseEvent,
        "CarePlan": CarePlan,
        "ClinicalImpression": ClinicalImpression,
        "DetectedIssue": DetectedIssue,
        "Device": Device,
        "MedicationAdministration": MedicationAdministration,
        "MedicationStatement": MedicationStatement,
        "Observation": Observation,
        "Procedure": Procedure,
        "Provenance": Provenance,
        "Questionnaire": Questionnaire,
        "QuestionnaireResponse": QuestionnaireResponse,
    }
)


def checked(resource: Json) -> Json:
    """`resource` itself, once it has passed; Unwritable names the elements at fault and none of their values."""
    kind = resource["resourceType"]
    _refuse_empty(kind, resource)
    try:
        _MODELS[kind].model_validate(resource)
    except ValidationError as error:
        at = ", ".join(sorted({".".join((kind, *map(str, one["loc"]))) for one in error.errors()}))
        raise Unwritable(at, "is not valid FHIR R4") from None
    except KeyError:
        # fhir.resources answers an unknown contained type with a bare KeyError
        raise Unwritable(kind, "is or holds a type that is not written here") from None
    return resource


def _refuse_empty(path: str, value: Any) -> None:
    if isinstance(value, dict):
        if not value:
            raise Unwritable(path, "is empty")
        for key, item in value.items():
            _refuse_empty(f"{path}.{key}", item)
    elif isinstance(value, list):
        if not value:
            raise Unwritable(path, "is empty")
        for index, item in enumerate(value):
            _refuse_empty(f"{path}[{index}]", item)
    elif value is None or (isinstance(value, str) and not value.strip()):
        raise Unwritable(path, "has no value")
