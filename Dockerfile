# syntax=docker/dockerfile:1
# One image for the API, the workers and the migration: `journeys <command>`.

# Every file is held to its hash in the lock here; the next stage installs from these files and no index.
FROM python:3.11-slim AS wheels
COPY requirements.lock /
RUN pip wheel --no-cache-dir --require-hashes --wheel-dir /wheels -r /requirements.lock

FROM python:3.11-slim
RUN useradd --system --uid 10001 --create-home journeys
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY activities activities
COPY api api
COPY journeys journeys
COPY segments segments
COPY store store
COPY workers workers
COPY docs/reference.md docs/reference.md
# What the product itself needs, and what exports to Arrow and Parquet, sources and predictions do; the other extras are for development and for the
# embedded stack.
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels '/source[export,sources,predictions]'
# A company's own catalogue is mounted or copied here, and named by JOURNEYS_CATALOGUE.
WORKDIR /app
# Until then it is the example, which no package brings.
COPY definitions definitions
USER journeys
ENV PYTHONUNBUFFERED=1 JOURNEYS_LOG_FORMAT=json
ENTRYPOINT ["journeys"]
CMD ["--help"]
