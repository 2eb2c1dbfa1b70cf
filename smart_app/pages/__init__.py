"""The clinician's pages."""

from smart_app.pages.book import create_pages, error_page
from smart_app.pages.deps import Framing, PageDeps, RuleText
from smart_app.pages.frame import PolicyHeaders, policy

__all__ = ["Framing", "PageDeps", "PolicyHeaders", "RuleText", "create_pages", "error_page", "policy"]
