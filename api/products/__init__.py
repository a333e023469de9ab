"""Products, told by the shop."""
