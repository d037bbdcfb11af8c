"""Field types, field tensors, and how they are indexed, joined and transformed."""
