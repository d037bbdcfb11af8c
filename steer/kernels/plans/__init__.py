"""Plans: from coefficients to filters."""
