"""A file that is sent as the body of a call: taken in pieces, kept in memory while it is small, bounded in size."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO

from fastapi import Request

from api.problems import Problem

#: Bytes of a file.
FILE_LIMIT = 64 * 1024 * 1024
_IN_MEMORY = 1024 * 1024


@asynccontextmanager
async def received(request: Request) -> AsyncIterator[IO[bytes]]:
    """The whole file, at its beginning.

    Raises:
        Problem: 413, more than `FILE_LIMIT`.
    """
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
        size = 0
        async for piece in request.stream():
            size += len(piece)
            if size > FILE_LIMIT:
                raise Problem(413, f"the file is larger than {FILE_LIMIT:,} bytes; split it", code="too-large")
            file.write(piece)
        file.seek(0)
        yield file
