# wayside-cloud with what runs networks, for `wayside-cloud models validate` alone. What it looks at
# is a stranger's: give it no key. Built from the root of the tree:
#   docker build -f deploy/docker/validate.Dockerfile -t wayside-validate:0.1.0 .
FROM ghcr.io/astral-sh/uv:0.13.9 AS uv

FROM python:3.11.13-slim-bookworm AS build
COPY --from=uv /uv /usr/local/bin/uv
RUN python -m venv --without-pip /opt/wayside && python -m venv --without-pip /opt/hatchling
WORKDIR /src
# The lock as a constraint: what the cloud and `models validate` need, checked by its hash.
COPY pyproject.toml requirements.lock ./
RUN uv pip install --no-cache --verify-hashes --compile-bytecode --python /opt/wayside/bin/python \
      -c requirements.lock -r pyproject.toml --extra cloud --extra edge --extra models \
    && uv pip install --no-cache --verify-hashes --python /opt/hatchling/bin/python \
      -c requirements.lock hatchling
COPY README.md LICENSE ./
COPY wayside wayside
COPY protos protos
COPY models models
COPY edge edge
COPY cloud cloud
RUN /opt/hatchling/bin/python -m hatchling build -t wheel -d /wheels \
    && uv pip install --no-cache --no-deps --no-index --compile-bytecode \
      --python /opt/wayside/bin/python /wheels/*.whl

FROM python:3.11.13-slim-bookworm
LABEL org.opencontainers.image.title="wayside-validate" \
      org.opencontainers.image.description="Streaming vision from the edge to the cloud: models looked at" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*
# A new volume gets its owner from the folder that it is mounted over.
RUN groupadd --gid 10001 wayside \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/wayside \
      --shell /usr/sbin/nologin wayside \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/wayside
COPY --from=build /opt/wayside /opt/wayside
ENV PATH=/opt/wayside/bin:$PATH PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /var/lib/wayside
ENTRYPOINT ["wayside-cloud"]
CMD ["models", "validate", "--help"]
