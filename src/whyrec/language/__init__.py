"""From evidence to verified text: claims, plans, sketches, backends, verifier."""
