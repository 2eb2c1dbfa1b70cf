"""Facts that no resource may be made from: times without an offset, amounts that are not finite or negative."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from fhir_mappings.writing.datatypes import amount, instant
from fhir_mappings.writing.errors import Unwritable


def refuse_unsound(path: str, fact: Any) -> None:
    """Walk through a fact and all it holds; Unwritable names the first one at fault."""
    if isinstance(fact, datetime):
        instant(path, fact)
    elif isinstance(fact, Decimal):
        amount(path, fact)
    elif isinstance(fact, float):
        raise Unwritable(path, "is a float, which does not keep its digits")
    elif isinstance(fact, tuple):
        for index, item in enumerate(fact):
            refuse_unsound(f"{path}[{index}]", item)
    elif is_dataclass(fact):
        for field in fields(fact):
            refuse_unsound(f"{path}.{field.name}", getattr(fact, field.name))
