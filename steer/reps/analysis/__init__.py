"""Integration and Fourier analysis on groups and their cosets."""
