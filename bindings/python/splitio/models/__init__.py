"""Where Split's SDK has the values that its users get and give."""
