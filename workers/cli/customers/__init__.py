"""`journeys customers …`: created and changed from files, and looked at one by one."""
