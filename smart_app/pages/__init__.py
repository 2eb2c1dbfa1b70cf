"""The clinician's pages."""

from smart_app.pages.book import asking_page, create_pages, error_page
from smart_app.pages.deps import Framing, PageDeps
from smart_app.pages.door import ehr_of
from smart_app.pages.frame import PolicyHeaders, policy
from smart_app.pages.visit import FIRST

__all__ = [
    "FIRST",
    "Framing",
    "PageDeps",
    "PolicyHeaders",
    "asking_page",
    "create_pages",
    "ehr_of",
    "error_page",
    "policy",
]
