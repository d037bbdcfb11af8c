"""Nonlinearities. Imports `_engine` and the rooms below it, and `_space`, whose pooling acts on samples too."""
