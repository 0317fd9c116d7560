"""Pages that people look at: the report."""
