"""Normalisation and dropout. Imports `_engine` and the rooms below it."""
