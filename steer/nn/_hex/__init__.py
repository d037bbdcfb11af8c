"""Maps on the hexagonal lattice."""
