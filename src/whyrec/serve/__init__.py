"""Pages that people look at: the report."""

from whyrec.serve.report import Figures, PersonSection, write_report
from whyrec.serve.words import Both

__all__ = ["Both", "Figures", "PersonSection", "write_report"]
