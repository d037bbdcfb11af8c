"""Checkpoints of earlier versions, which must load for ever, and how they were made."""
