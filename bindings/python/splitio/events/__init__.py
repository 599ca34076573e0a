"""Where Split's SDK has what comes with an event of a factory."""
