"""The test kit that ships: a whole shop over real servers, with time in the test's hand, for a company's own tests."""
