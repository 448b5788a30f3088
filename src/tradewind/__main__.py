"""`python -m tradewind`: the same as the `tradewind` command."""

from tradewind.cli.main import main

main()
