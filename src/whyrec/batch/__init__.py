"""The same work over many users, streamed to Parquet or JSON Lines."""

from whyrec.batch.job import KEEP, Job, Summary
from whyrec.batch.run import explain_users
from whyrec.batch.tables import write_lines

__all__ = ["KEEP", "Job", "Summary", "explain_users", "write_lines"]
