"""Which Observations screening reads, by LOINC code, and how their coded answers count."""

from __future__ import annotations

SYSTOLIC = frozenset({"8480-6", "8459-0", "8461-6", "8479-8", "11378-7", "76534-7", "96608-5"})
DIASTOLIC = frozenset({"8462-4", "8453-3", "8455-8", "76535-4", "96609-3"})
STANDING = frozenset({"8460-8", "8454-1"})  # not for screening
STANDING_POSITION = "10904000"  # SNOMED CT, orthostatic body position; the others: sitting, supine, recumbent
BODY_POSITIONS = frozenset({STANDING_POSITION, "33586001", "40199007", "102538003"})
BLOOD_PRESSURE_PANELS = frozenset({"85354-9", "96607-7", "55284-4", "35094-2"})
MEAN_PRESSURE = frozenset({"8478-0"})  # ignored
# What has no LOINC code may have one of SNOMED CT: systolic, diastolic, and blood pressure as a whole.
LOINC_OF_SNOMED = {"271649006": "8480-6", "271650006": "8462-4", "75367002": "85354-9"}
BLOOD_PRESSURE = SYSTOLIC | DIASTOLIC | STANDING | BLOOD_PRESSURE_PANELS

BODY_WEIGHT = frozenset({"29463-7", "3141-9"})

# Questionnaire totals and items by LOINC code. The adolescents' PHQ-9 is scored like the other.
SCORES = {
    "44261-6": "phq9-total",
    "89204-2": "phq9-total",
    "44260-8": "phq9-item9",
    "55758-7": "phq2-total",
    "70274-6": "gad7-total",
    "93246-7": "cssrs-q1",
    "93247-5": "cssrs-q2",
    "93248-3": "cssrs-q3",
    "93249-1": "cssrs-q4",
    "93250-9": "cssrs-q5",
    "93267-3": "cssrs-q6",
    "93269-9": "cssrs-q6-recent",
}
CSSRS_PANEL = frozenset({"93373-9"})  # its own value, where EHRs give it one, is the level of risk
# Panels whose own value, where EHRs give them one, is the total. EPDS has no other verified code.
PANEL_TOTALS = {
    "44249-1": "phq9-total",
    "55757-9": "phq2-total",
    "69737-5": "gad7-total",
    "71354-5": "epds-total",
    "99046-5": "epds-total",
}
PANELS = frozenset(PANEL_TOTALS) | CSSRS_PANEL

# By method too, with or without pyridoxal phosphate, and in whole blood: as in the public eCQM and dQM value sets.
LIVER = {
    "1742-6": "alt",
    "1743-4": "alt",
    "1744-2": "alt",
    "76625-3": "alt",
    "1920-8": "ast",
    "30239-8": "ast",
    "88112-8": "ast",
}

PREGNANCY_STATUS = frozenset({"82810-3"})
HCG_PRESENCE = frozenset({"2106-3", "2118-8", "2112-1", "2110-5", "80384-1"})
HCG_AMOUNT = frozenset({"21198-7", "19080-1"})  # of the beta subunit; of the whole
HCG = HCG_PRESENCE | HCG_AMOUNT
PREGNANCY = PREGNANCY_STATUS | HCG

# Answers by code, whatever their system: SNOMED CT, LOINC answer lists, v2 tables.
POSITIVE_ANSWERS = frozenset(
    {"77386006", "10828004", "260373001", "LA6576-8", "LA15173-0", "LA33-6", "373066001", "POS", "Y"}
)
NEGATIVE_ANSWERS = frozenset(
    {"60001007", "260385009", "260415000", "LA6577-6", "LA26683-5", "LA32-8", "373067005", "NEG", "N"}
)
UNKNOWN_ANSWERS = frozenset({"261665006", "UNK"})
ITEM_SCORES = {"LA6568-5": 0, "LA6569-3": 1, "LA6570-1": 2, "LA6571-9": 3}
ITEM_WORDS = {
    "not at all": 0,
    "several days": 1,
    "more than half the days": 2,
    "nearly every day": 3,
    "never": 0,
    "hardly ever": 1,
    "sometimes": 2,
    "quite often": 3,
    "yes, quite often": 3,
}
