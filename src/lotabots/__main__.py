"""`python -m lotabots`: the command line."""

from lotabots.cli import main

if __name__ == "__main__":
    main()
