"""What it is like where a customer is: providers of it, and messages that go only where it suits."""
