"""What is read from the company's own tables and files, as an author declares it."""
