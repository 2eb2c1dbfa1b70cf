"""The addresses of what we define: profiles, extensions, code systems and plans. Change the base here alone."""

from __future__ import annotations

from fhir_mappings.facts.treatment import Route

CANONICAL = "https://ketamine-pathway.example/fhir"

SESSION_PROFILE = f"{CANONICAL}/StructureDefinition/ketamine-session"
DOSE_PROFILE = f"{CANONICAL}/StructureDefinition/ketamine-dose"
COURSE_PROFILE = f"{CANONICAL}/StructureDefinition/ketamine-course"
SCREENING_PROFILE = f"{CANONICAL}/StructureDefinition/ketamine-screening"
ISSUE_PROFILE = f"{CANONICAL}/StructureDefinition/ketamine-screening-issue"

DOSE_BASIS_EXTENSION = f"{CANONICAL}/StructureDefinition/dose-basis"
PRODUCT_EXTENSION = f"{CANONICAL}/StructureDefinition/product-used"
WASTE_EXTENSION = f"{CANONICAL}/StructureDefinition/dose-waste"
COURSE_COUNT_EXTENSION = f"{CANONICAL}/StructureDefinition/course-count"
FINDING_STATE_EXTENSION = f"{CANONICAL}/StructureDefinition/finding-state"

SESSION_FUNCTION_SYSTEM = f"{CANONICAL}/CodeSystem/session-function"
SCREENING_RULE_SYSTEM = f"{CANONICAL}/CodeSystem/screening-rule"
FINDING_STATE_SYSTEM = f"{CANONICAL}/CodeSystem/finding-state"
OUTCOME_SYSTEM = f"{CANONICAL}/CodeSystem/outcome"

_US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition"
US_CORE_PROCEDURE = f"{_US_CORE}/us-core-procedure"
US_CORE_CARE_PLAN = f"{_US_CORE}/us-core-careplan"
US_CORE_PROVENANCE = f"{_US_CORE}/us-core-provenance"
US_CORE_BLOOD_PRESSURE = f"{_US_CORE}/us-core-blood-pressure"
US_CORE_HEART_RATE = f"{_US_CORE}/us-core-heart-rate"
US_CORE_PULSE_OXIMETRY = f"{_US_CORE}/us-core-pulse-oximetry"
US_CORE_RESPIRATORY_RATE = f"{_US_CORE}/us-core-respiratory-rate"
US_CORE_SCREENING_ASSESSMENT = f"{_US_CORE}/us-core-observation-screening-assessment"
US_CORE_QUESTIONNAIRE_RESPONSE = f"{_US_CORE}/us-core-questionnaireresponse"

PLAN_DEFINITION = f"{CANONICAL}/PlanDefinition/"


def plan_definition(route: Route, version: str) -> str:
    """The canonical of the programme that a course follows, with its version."""
    return f"{PLAN_DEFINITION}ketamine-{route.lower()}|{version}"


def screening_protocol(rules_version: str) -> str:
    """The canonical of the rules that a screening asked, with their version."""
    return f"{PLAN_DEFINITION}ketamine-screening|{rules_version}"


def questionnaire_url(key: str) -> str:
    """The canonical of a questionnaire, without its version."""
    return f"{CANONICAL}/Questionnaire/{key}"
