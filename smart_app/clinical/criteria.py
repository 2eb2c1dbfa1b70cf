"""The table of all rules, in the order of the clinical content; the rows stand in `rows`, a file for each family."""

from __future__ import annotations

from smart_app.clinical.criterion import Criterion
from smart_app.clinical.rows import (
    conditions,
    contraindications,
    data,
    history,
    indications,
    medicines,
    mental_state,
    person,
    pressure,
)

RULES_VERSION = "1.0"

CRITERIA: tuple[Criterion, ...] = (
    *indications.ROWS,
    *contraindications.ROWS,
    *mental_state.ROWS,
    *pressure.ROWS,
    *history.ROWS,
    *person.ROWS,
    *conditions.ROWS,
    *medicines.ROWS,
    *data.ROWS,
)
