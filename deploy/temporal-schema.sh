#!/bin/sh
# Creates or updates the two databases of Temporal; safe to run again at every start and before every upgrade.
set -eu

schema() {
    database=$1
    versions=$2
    sql="temporal-sql-tool --plugin postgres12 --ep temporal-postgres -p 5432 -u temporal --db $database"
    $sql create
    # Only the first run may lay the ground: the version table says whether that was done.
    $sql setup-schema -v 0.0 || echo "$database has its version table already"
    $sql update-schema -d "/etc/temporal/schema/postgresql/v12/$versions/versioned"
}

schema temporal temporal
schema temporal_visibility visibility
