"""The same work over many users, streamed to Parquet or JSON Lines."""
