"""A run as tidy tables, and the formats that they can be written in."""

from devlearn.report.export.formats import FORMATS, MissingExtra, export
from devlearn.report.export.tables import COLUMNS, tables

__all__ = ["COLUMNS", "FORMATS", "MissingExtra", "export", "tables"]
