"""How much a push may hold, and which names in its data are taken: the same for FCM and APNs.

Sources: FCM, "REST Resource: projects.messages" (`data`); Apple, "Generating a remote notification".
"""

import re

#: Bytes of a message on its way to a phone.
LIMIT = 4096
_TAKEN = re.compile(r"from|message_type|google.*|gcm.*|aps|link|image|message_key", re.IGNORECASE)


def reserved(name: str) -> bool:
    """Whether data may not be called so: by FCM's rule, by Apple's, or because we call something so ourselves."""
    return _TAKEN.fullmatch(name) is not None
