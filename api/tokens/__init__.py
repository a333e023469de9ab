"""Access tokens of the company's authorization server in place of keys: OAuth 2.1, of which this API is a resource server."""
