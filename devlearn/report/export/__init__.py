"""A run as tidy tables, and the formats that they can be written in."""

from devlearn.report.export.formats import Format, MissingExtra, export, export_format
from devlearn.report.export.tables import COLUMNS, tables

__all__ = ["COLUMNS", "Format", "MissingExtra", "export", "export_format", "tables"]
