"""A run as tidy tables, and the formats that they can be written in."""

from devlearn.export.formats import FORMATS, MissingExtra, export
from devlearn.export.tables import COLUMNS, tables

__all__ = ["COLUMNS", "FORMATS", "MissingExtra", "export", "tables"]
