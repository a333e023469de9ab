"""What was uploaded to WhatsApp: taken as Meta takes it, and known by its id.

Source: Meta's Cloud API reference, "Media" (form fields, types and sizes).
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.datastructures import FormData, UploadFile

from workers.sandbox.whatsapp_parts import Violation

_MB = 1024 * 1024
LARGEST = 100 * _MB
#: What a type begins with, and how many bytes of it Meta takes.
_SIZES = {
    "image/jpeg": 5 * _MB,
    "image/png": 5 * _MB,
    "video/mp4": 16 * _MB,
    "video/3gpp": 16 * _MB,
    "application/": LARGEST,
    "text/plain": LARGEST,
}


@dataclass(frozen=True)
class Medium:
    """One file."""

    id: str
    type: str
    size: int


class MediaStore:
    """The files of all numbers, in the order in which they came."""

    def __init__(self) -> None:
        self.kept: dict[str, Medium] = {}

    async def add(self, form: FormData) -> str:
        """Keep what was uploaded; its id.

        Raises:
            Violation: a field is missing, or the file is none that Meta takes.
        """
        if form.get("messaging_product") != "whatsapp":
            raise Violation(100, "The parameter messaging_product is required.")
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Violation(100, "The parameter file is required.")
        kind, content = (file.content_type or "").partition(";")[0], await file.read()
        most = next((size for begins, size in _SIZES.items() if kind.startswith(begins)), 0)
        if not content or len(content) > most or form.get("type", kind) != kind:
            details = f"{kind or 'no type'} with {len(content)} bytes: at most {most} are taken"
            raise Violation(131053, "Media upload error", details)
        medium = Medium(secrets.token_hex(8), kind, len(content))
        self.kept[medium.id] = medium
        return medium.id

    def check(self, ids: Iterable[str]) -> None:
        """Insist that media were uploaded.

        Raises:
            Violation: one was not, or has expired.
        """
        for each in ids:
            if each not in self.kept:
                raise Violation(131009, "Parameter value is not valid", "media id: no such media, or it has expired")
