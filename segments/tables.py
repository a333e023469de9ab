"""The columns that predicates read; the schema itself is store/migrations."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

INSTANT = sa.DateTime(timezone=True)
UUID_: UUID[str] = UUID(as_uuid=False)

profile = sa.table(
    "profile",
    sa.column("id", UUID_),
    sa.column("traits", JSONB),
    sa.column("merged_into", UUID_),
)
event = sa.table(
    "event",
    sa.column("profile_id", UUID_),
    sa.column("ts", INSTANT),
    sa.column("type", sa.Text),
    sa.column("properties", JSONB),
)
