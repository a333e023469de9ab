"""A typed Python client for one deployment, written from its OpenAPI: `journeys client`."""
