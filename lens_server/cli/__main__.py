"""`python -m lens_server.cli`."""

from lens_server.cli.main import main

main()
