"""A worker process: reads a job and then tasks as JSON lines, answers each with one line."""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import TextIO

from whyrec.batch.job import Job
from whyrec.batch.work import Writer
from whyrec.errors import WhyrecError


def serve(tasks: TextIO, answers: TextIO) -> None:
    """Do every task of `tasks` until it ends.

    The first line is a job. A task is `{"users": [...], "part": PATH, "parquet": bool}`, its answer
    the summary of that part, or one of `{"error": TEXT}` (a WhyrecError), `{"os": [errno, text, path]}`
    and `{"bug": TEXT}`.
    """
    first = tasks.readline()
    if not first:
        return
    writer: Writer | None = None
    for line in tasks:
        try:
            if writer is None:
                writer = Writer(Job.from_json(json.loads(first)))
            task = json.loads(line)
            answer = writer.write(task["users"], Path(task["part"]), parquet=task["parquet"])
        except WhyrecError as e:
            answer = {"error": str(e)}
        except OSError as e:
            answer = {"os": [e.errno, e.strerror, e.filename]}
        except Exception as e:
            if os.environ.get("WHYREC_DEBUG"):
                traceback.print_exc()
            answer = {"bug": f"{type(e).__name__}: {e}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def main() -> None:
    """Talk over standard input and output; what anybody else prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        serve(sys.stdin, answers)
    except (KeyboardInterrupt, BrokenPipeError):
        os._exit(1)


if __name__ == "__main__":
    main()
