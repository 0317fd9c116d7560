"""`python -m whyrec` is `whyrec`."""

from whyrec.cli import main

if __name__ == "__main__":
    main()
