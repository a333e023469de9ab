"""What may leave for a warehouse, a notebook or a BI tool: the views of the schema `reporting`, as CSV, Arrow and Parquet.

`hours` and `hourly` bring it into a bucket, an hour at a time.
"""

from store.exports.reading import csv
from store.exports.tables import Column, Format, Name, Span, Table, tables
from store.exports.writing import NoArrow, written

__all__ = ["Column", "Format", "Name", "NoArrow", "Span", "Table", "csv", "tables", "written"]
