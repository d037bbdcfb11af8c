"""What all modules share: base class, constants, layout, export. Imports `_fields` alone."""
