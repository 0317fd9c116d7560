"""What items are made of: facets of the catalogue that reasons can name."""
