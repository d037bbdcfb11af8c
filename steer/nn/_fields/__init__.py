"""Field types and field tensors: how they are indexed, joined and moved. Imports no other room."""
