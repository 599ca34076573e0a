"""Where Split's SDK has its storages."""
