"""Modules made of modules, and changes of group or basis. Imports `_engine` and the rooms below it."""
