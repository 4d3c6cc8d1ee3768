"""An audit as a document, a table and charts.

`documents` and `table` need no plotting library, so that an API process can read a stored report.
"""
