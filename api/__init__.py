"""The HTTP face: ingest in the Segment spec's shape, runs, and what providers send back; errors are always problem+json."""

from api.app import create_app
from api.config import ApiConfig

__all__ = ["ApiConfig", "create_app"]
