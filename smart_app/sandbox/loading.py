"""Bundles from files: transactions and batches as they are, collections as a transaction of their entries."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TYPES = ("transaction", "batch", "collection")


class LoadError(Exception):
    """A file or folder that cannot be loaded; the message names it and says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedBundle:
    """A transaction or batch read from a file. `patients` are the ids its Patients bring along."""

    path: Path
    bundle: dict[str, Any]
    patients: frozenset[str]


def read_bundles(paths: Iterable[Path]) -> list[LoadedBundle]:
    """The Bundles of every file and folder, by name. Raises `LoadError` for the first that cannot be used.

    In a folder, JSON that is no Bundle (an index, say) is passed over; a file that is named must be one.
    """
    read: list[LoadedBundle] = []
    for path in paths:
        if not path.exists():
            raise LoadError(f"{path}: no such file or folder")
        found = [_read(path)] if path.is_file() else _read_folder(path)
        if not found:
            raise LoadError(f"{path}: no Bundle in it")
        read += found
    return read


def _read_folder(folder: Path) -> list[LoadedBundle]:
    files = sorted(folder.rglob("*.json"))
    return [_read(file) for file in files if _kind(_json(file)) == "Bundle"]


def under_new_ids(loaded: LoadedBundle, generation: int) -> dict[str, Any]:
    """The Bundle, its Patients under ids of this generation; the first generation keeps the file's own."""
    if generation == 1:
        return loaded.bundle
    names = {f"Patient/{one}": f"Patient/{one}-{generation}" for one in loaded.patients}
    renamed = _rename(loaded.bundle, names)
    for entry in renamed["entry"]:
        resource = entry.get("resource") or {}
        if resource.get("resourceType") == "Patient" and resource.get("id") in loaded.patients:
            resource["id"] = f"{resource['id']}-{generation}"
    return dict(renamed)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise LoadError(f"{path}: not readable as JSON ({type(error).__name__})") from error


def _kind(content: Any) -> object:
    return content.get("resourceType") if isinstance(content, dict) else None


def _read(path: Path) -> LoadedBundle:
    bundle = _json(path)
    if _kind(bundle) != "Bundle" or bundle.get("type") not in TYPES:
        raise LoadError(f"{path}: not a Bundle of type {', '.join(TYPES)}")
    entries = bundle.get("entry")
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise LoadError(f"{path}: the Bundle has no list of entries")
    if bundle["type"] == "collection":
        bundle = _as_transaction(bundle, path)
    patients = frozenset(
        str(one["resource"]["id"])
        for one in entries
        if (one.get("resource") or {}).get("resourceType") == "Patient" and one["resource"].get("id")
    )
    return LoadedBundle(path=path, bundle=bundle, patients=patients)


def _as_transaction(bundle: dict[str, Any], path: Path) -> dict[str, Any]:
    entries = []
    for number, entry in enumerate(bundle["entry"]):
        resource = entry.get("resource")
        if not isinstance(resource, dict) or "resourceType" not in resource:
            raise LoadError(f"{path}: entry {number} of the collection holds no resource")
        kind = resource["resourceType"]
        url = f"{kind}/{resource['id']}" if "id" in resource else kind
        request = {"method": "PUT" if "id" in resource else "POST", "url": url}
        entries.append({**entry, "request": request})
    return {**bundle, "type": "transaction", "entry": entries}


def _rename(node: Any, names: dict[str, str]) -> Any:
    if isinstance(node, dict):
        return {
            key: names.get(value, value)
            if key in ("reference", "url") and isinstance(value, str)
            else _rename(value, names)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_rename(one, names) for one in node]
    return node
