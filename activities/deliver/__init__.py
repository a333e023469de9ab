"""A delivery from claim to settlement."""
