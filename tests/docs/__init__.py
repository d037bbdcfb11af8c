"""The documentation cannot go stale: its code runs, its names exist, its links lead somewhere."""
