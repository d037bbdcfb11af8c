"""Pooling, resampling and masks. Imports `_engine` and the rooms below it."""
