"""The commands about bulk starts and campaigns."""
