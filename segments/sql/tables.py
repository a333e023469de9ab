"""The columns that predicates read; the schema itself is store/migrations."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

INSTANT = sa.DateTime(timezone=True)
UUID_: UUID[str] = UUID(as_uuid=False)

profile = sa.table(
    "profile",
    sa.column("id", UUID_),
    sa.column("traits", JSONB),
    sa.column("traits_at", JSONB),
    sa.column("traits_from", JSONB),
    sa.column("created_at", INSTANT),
    sa.column("merged_into", UUID_),
    sa.column("drawn_as", UUID_),
    sa.column("device_zone", sa.Text),
)
identity = sa.table("identity", sa.column("kind", sa.Text), sa.column("value", sa.Text), sa.column("profile_id", UUID_))
endpoint = sa.table(
    "endpoint",
    sa.column("profile_id", UUID_),
    sa.column("channel", sa.Text),
    sa.column("invalid_at", INSTANT),
    sa.column("replaced_at", INSTANT),
    sa.column("marketing", sa.Text),
    sa.column("transactional", sa.Text),
)
threshold = sa.table(
    "segment_threshold", sa.column("ranking", sa.Text), sa.column("as_of", INSTANT), sa.column("value", sa.Numeric)
)
event = sa.table(
    "event",
    sa.column("profile_id", UUID_),
    sa.column("ts", INSTANT),
    sa.column("received_at", INSTANT),
    sa.column("source", sa.Text),
    sa.column("message_id", sa.Text),
    sa.column("type", sa.Text),
    sa.column("properties", JSONB),
)
#: The ledger of messages.
delivery = sa.table(
    "delivery",
    sa.column("run_id", UUID_),
    sa.column("step", sa.Text),
    sa.column("occurrence", sa.BigInteger),
    sa.column("profile_id", UUID_),
    sa.column("channel", sa.Text),
    sa.column("purpose", sa.Text),
    sa.column("state", sa.Text),
    sa.column("claimed_at", INSTANT),
    sa.column("settled_at", INSTANT),
)
#: What predictions say of customers.
prediction_score = sa.table(
    "prediction_score",
    sa.column("prediction", sa.Text),
    sa.column("profile_id", UUID_),
    sa.column("score", sa.Double),
    sa.column("label", sa.Text),
)
#: Who is asked about when a table of numbers is made (`store/queries/known.sql`), with the numbers of their rows.
asked = sa.table("asked", sa.column("n", sa.Integer), sa.column("id", UUID_))
#: What a customer can have rows in, by `profile_id`.
tables = {"identity": identity, "endpoint": endpoint, "prediction_score": prediction_score}
