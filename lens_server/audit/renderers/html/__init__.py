"""The report as one page that needs nothing else: no server, no script, no request; it prints whole."""
