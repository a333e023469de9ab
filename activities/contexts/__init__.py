"""What it is like where customers are, as declared providers tell it: asked once for a place and a time, by all workers."""
