"""Where Split's SDK has its clients, factories and managers."""
