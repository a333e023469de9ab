"""Files of an hour each, into the bucket of the company."""
