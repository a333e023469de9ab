"""The whole reference, made of what the code says: segments, the handle, templates, calls, tools and commands."""
