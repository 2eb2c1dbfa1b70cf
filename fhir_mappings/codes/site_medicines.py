"""A site's own table of medicines, made of NLM's RxNorm files: gzipped JSON, read back whole or not at all."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from pathlib import Path
from typing import Any

from fhir_mappings.codes.medicines import MedicineTable, shipped_table
from fhir_mappings.codes.rxnorm_files import Release

FILE = "rxnorm.json.gz"  # in the data folder
_FORMAT = 1
_AMOUNT = re.compile(r"\d{1,9}(?:\.\d{1,9})?|", re.ASCII)


class SiteTableUnusable(ValueError):
    """The site's table is damaged. The message says what to do."""


def encode_release(release: Release) -> bytes:
    """The file for a release; the same release gives the same bytes."""
    kept = {"format": _FORMAT, **release._asdict()}
    return gzip.compress(json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode(), 6, mtime=0)


def load_site_table(path: Path) -> MedicineTable:
    """The site's table, with the shipped one under it; SiteTableUnusable when it is missing or damaged."""
    try:
        kept = json.loads(gzip.decompress(path.read_bytes()))
        return _table(kept)
    except FileNotFoundError:
        raise SiteTableUnusable(f"{path} is missing: load the RxNorm files") from None
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise SiteTableUnusable(f"{path} is damaged: load the RxNorm files again, or remove it") from None


def table_of(data: Path) -> MedicineTable:
    """The site's table if its data folder holds one, else the shipped table; SiteTableUnusable as above."""
    path = data / FILE
    return load_site_table(path) if path.exists() else shipped_table()


def _table(kept: Any) -> MedicineTable:
    if kept["format"] != _FORMAT or not isinstance(kept["release"], str):
        raise ValueError("format")
    ingredients, products = kept["ingredients"], kept["products"]
    if not all(isinstance(name, str) and name for name in ingredients.values()):
        raise ValueError("ingredients")
    for name, parts in products.values():
        if not isinstance(name, str) or not parts or not all(map(_is_part, parts)):
            raise ValueError("products")
    shipped = shipped_table()
    return MedicineTable(
        release=kept["release"],
        ingredients={**ingredients, **shipped.ingredients},
        products={**shipped.products, **products},
    )


def _is_part(part: Any) -> bool:
    texts = isinstance(part, list) and all(isinstance(item, str) for item in part)
    return texts and (len(part) == 1 or (len(part) == 3 and _AMOUNT.fullmatch(part[1]) is not None))
