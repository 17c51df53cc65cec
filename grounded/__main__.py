"""`python -m grounded` is the same as `grounded`."""

from grounded.cli import main

if __name__ == "__main__":
    main()
