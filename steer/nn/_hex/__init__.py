"""The hexagonal lattice: its maps and its layers. Imports `_linear`, whose convolution it has, and what is below."""
