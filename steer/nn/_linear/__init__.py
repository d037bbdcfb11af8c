"""Linear layers, products of fields, attention. Imports `_engine` and the rooms below it."""
