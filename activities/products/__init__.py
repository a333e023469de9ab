"""Products at work: what is learnt of them, who is told that one changed, and who is reminded of one."""
