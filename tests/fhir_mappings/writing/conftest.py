"""A validator that somebody else wrote, and an event loop."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = ROOT.parent / "shared" / "fhir-packages"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


# Findings of pyrofile that are wrong on HL7's own examples: slicing of vital signs and categories, `$this as
# dateTime`, and displays it has no terminology for.
_WRONG_FINDINGS = (
    "profile.element.invariant.vs-1",
    "profile.element.invariant.unsupported",
    "profile.slice.cardinality",
)


@pytest.fixture(scope="session")
def profile_errors() -> Callable[[bytes], list[str]]:
    """Judges a resource by R4, US Core 7.0.0 and our own profiles: the errors pyrofile finds."""
    packages = [PACKAGES / "hl7.fhir.r4.core-4.0.1.tgz", PACKAGES / "us_core_700.tgz"]
    if not all(package.exists() for package in packages):
        pytest.skip("the FHIR definition packages are not at ../shared/fhir-packages")
    from pyrofile_validator.config import ValidatorConfig
    from pyrofile_validator.core.engine import Validator

    paths = [*map(str, packages), str(ROOT / "fhir_mappings" / "profiles")]
    validator = Validator(ValidatorConfig.load_dict({"localPackagePaths": paths}))

    def errors(body: bytes) -> list[str]:
        report = validator.validate_resource(json.loads(body))
        return [
            f"{issue.code} {issue.path} {issue.message}"
            for issue in report.issues
            if issue.severity == "error"
            and not issue.code.startswith((*_WRONG_FINDINGS, "terminology.display"))
            and issue.code != "profile.pattern"
        ]

    return errors
