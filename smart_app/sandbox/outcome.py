"""A refusal and its OperationOutcome (R4 3.1.0.1.4, 2.28)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse


def operation_outcome(code: str, text: str) -> dict[str, Any]:
    """An OperationOutcome of one error; `code` is from the IssueType value set."""
    issue = {"severity": "error", "code": code, "diagnostics": text}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


@dataclass
class RefusedError(Exception):
    """The caller asked for what this EHR does not give. `text` never holds patient data or tokens."""

    status: int
    code: str
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def outcome(self) -> dict[str, Any]:
        return operation_outcome(self.code, self.text)


class FhirResponse(JSONResponse):
    media_type = "application/fhir+json"


def refusal_response(refusal: RefusedError) -> FhirResponse:
    headers = {"cache-control": "no-store", **refusal.headers}
    return FhirResponse(refusal.outcome(), status_code=refusal.status, headers=headers)
