"""Which lines the verifier refuses as sketches: `python -m whyrec.language.verify SHAPE_KEY < texts`."""

from __future__ import annotations

import sys
from collections import Counter

from whyrec.language.shape import Shape
from whyrec.language.verify import verify_sketch


def main(arguments: list[str], out: object = None) -> int:
    """Print each line with its problems, then the counts by code; 1 if any line was refused."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m whyrec.language.verify SHAPE_KEY < texts\n")
        return 2
    shape = Shape.parse(arguments[0])
    codes: Counter[str] = Counter()
    lines = 0
    for line in sys.stdin:
        text = line.rstrip("\n")
        lines += 1
        sketch, problems = verify_sketch(text, shape)
        if sketch is not None:
            sys.stdout.write(f"ok       {text}\n")
            continue
        codes[problems[0].code] += 1
        sys.stdout.write(f"refused  {text}\n")
        for p in problems:
            sys.stdout.write(f"         {p.code} {p.span}: {p.message}\n")
    refused = sum(codes.values())
    sys.stdout.write(f"{lines} lines, {refused} refused {dict(codes.most_common())}\n")
    return int(refused > 0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
