"""The `whyrec` command: parse, call, print."""
