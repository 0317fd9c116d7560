"""Pure functions that keep people unrecognisable: pseudonyms, k-anonymity."""
