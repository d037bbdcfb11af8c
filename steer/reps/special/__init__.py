"""Special functions: harmonics, Wigner matrices, Racah coefficients."""
