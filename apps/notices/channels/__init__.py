"""Ways out of the house. A channel gets parcels and says what became of each; it knows no table and no transaction."""
