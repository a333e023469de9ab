"""The agents' door: each tool is a row over a call of this API, made with the key of whoever connects (docs/agents.md)."""
