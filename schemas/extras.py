"""Packages that only some commands need: what is missing is said with the command that brings it."""

from __future__ import annotations

import importlib
from typing import Any

from lead_xb.schemas.errors import LeadXbError


def require(module: str, *, extra: str, purpose: str) -> Any:
    """Import an optional package; LeadXbError names the extra that brings it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise LeadXbError(f"{purpose} needs the package {module!r}: pip install 'lead-xb[{extra}]'") from error
