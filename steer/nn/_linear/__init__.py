"""Linear layers: convolutions, linear maps, tensor products, attention."""
