"""`python -m gateway.cli`: the same as `tunegate`."""

from gateway.cli.app import main

if __name__ == "__main__":
    main()
