"""``python -m data_prep NAME --source DIR --out DIR``, same as ``tfpose prepare``."""

import sys

if __name__ == "__main__":
    from tfpose.cli import main

    sys.exit(main(["prepare", *sys.argv[1:]]))
