"""Real servers and SDKs, started and looked at by the tests."""
