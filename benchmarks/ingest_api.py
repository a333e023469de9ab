"""The API process that `benchmarks.ingest` measures: uvicorn as in production, on a free port that it prints."""

import os
import socket

import uvicorn

from api import ApiConfig, create_app
from api.connections import Bounded


def main() -> None:
    listening = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(listening.getsockname()[1], flush=True)
    app = create_app(ApiConfig(dsn=os.environ["BENCH_DSN"]))
    uvicorn.Server(uvicorn.Config(app, http=Bounded, log_level="warning", access_log=False)).run(sockets=[listening])


if __name__ == "__main__":
    main()
