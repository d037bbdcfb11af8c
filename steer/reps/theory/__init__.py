"""Representations of any compact group: intertwiners, decomposition, induction."""
