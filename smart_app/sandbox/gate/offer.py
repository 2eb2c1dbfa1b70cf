"""What this EHR offers of FHIR: resource types, who they belong to, and what may be done with them."""

from __future__ import annotations

from dataclasses import dataclass

PAGE_SIZE = 50

READ = "rs"
FULL = "cruds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """`patient` is the element that says whose resource it is; None: a type outside the patient compartment."""

    letters: str = READ
    patient: str | None = "subject"
    found_by: str = "patient"  # the search parameter that says the same

    def whose(self, patient: str) -> tuple[str, str]:
        """The search for one patient's resources of the type."""
        return self.found_by, patient if self.found_by == "patient" else f"Patient/{patient}"


OFFERED: dict[str, Offer] = {
    "AdverseEvent": Offer(letters=FULL, found_by="subject"),  # R4 gives it no search by patient
    "AllergyIntolerance": Offer(patient="patient"),
    "CarePlan": Offer(letters=FULL),
    "Condition": Offer(),
    "DiagnosticReport": Offer(),
    "DocumentReference": Offer(letters=FULL),
    "Encounter": Offer(),
    "Location": Offer(patient=None),
    "Medication": Offer(patient=None),
    "MedicationAdministration": Offer(letters=FULL),
    "MedicationDispense": Offer(),
    "MedicationRequest": Offer(),
    "MedicationStatement": Offer(letters=FULL),
    "Observation": Offer(letters=FULL),
    "Organization": Offer(patient=None),
    "Patient": Offer(patient="id"),
    "Practitioner": Offer(patient=None),
    "PractitionerRole": Offer(patient=None),
    "Procedure": Offer(letters=FULL),
    "Provenance": Offer(letters=FULL, patient="target"),
    "Questionnaire": Offer(patient=None),
    "QuestionnaireResponse": Offer(letters=FULL),
    "ServiceRequest": Offer(letters=FULL),
}

REGISTERED = {name: offer.letters for name, offer in OFFERED.items()}
