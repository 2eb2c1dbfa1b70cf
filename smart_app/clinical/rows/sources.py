"""What the rules rest on, named once: the clinic's page, the labels, the guidance."""

from __future__ import annotations

PAGE = "The clinic's own page"
US_LABEL = "Spravato (esketamine), US prescribing information"
EU_LABEL = "Spravato (esketamine), EU summary of product characteristics"
REMS = "Spravato REMS, FDA"
KETAMINE_LABEL = "Ketamine injection, US prescribing information"
APA = "APA consensus statement, 2017"
VA = "US Department of Veterans Affairs, criteria for use of ketamine"
FDA_ALERTS = "FDA alerts on compounded ketamine, February 2022 and October 2023"
FHIR = "HL7 FHIR R4"

HISTORY_DAYS = 180  # how long an answer about the past holds
STATE_DAYS = 30  # and one about the present

CODED = "It sees what is coded or written on the list, not what is only told in letters and notes."
LISTED = "SNOMED CT is matched by an enumerated list without its hierarchy: a finer code is read by its words alone."
