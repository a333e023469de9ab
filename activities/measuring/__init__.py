"""Whether it worked: what customers did after they were exposed, and the sums of it by day."""
