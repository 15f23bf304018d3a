"""``python -m tfpose``, the same as the ``tfpose`` command."""

import sys

from tfpose.cli import main

if __name__ == "__main__":
    sys.exit(main())
