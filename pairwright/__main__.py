"""`python -m pairwright` is the command line."""

import sys

from pairwright.cli import main

if __name__ == "__main__":  # not in the processes of a pool
    sys.exit(main())
