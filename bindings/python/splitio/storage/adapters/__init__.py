"""Where Split's SDK has what storages stand on."""
