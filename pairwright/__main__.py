"""`python -m pairwright` is the command line."""

import sys

from pairwright.cli import main

sys.exit(main())
