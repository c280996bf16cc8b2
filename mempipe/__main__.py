"""`python -m mempipe`: the same command as `mempipe`."""

from mempipe.cli.main import main

if __name__ == "__main__":
    main()
