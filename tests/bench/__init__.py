"""Real servers for tests: started once a test run, by the run itself, without a container."""
