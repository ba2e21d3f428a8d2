import sys

from branches.cli import main

if __name__ == "__main__":
    sys.exit(main())
