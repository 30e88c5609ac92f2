# wayside-cloud: bridge, serve, embedded Pub/Sub, tools. Built from the root of the tree:
#   docker build -f deploy/docker/cloud.Dockerfile -t wayside-cloud:0.1.0 .
FROM ghcr.io/astral-sh/uv:0.13.9 AS uv

FROM python:3.11.13-slim-bookworm AS build
COPY --from=uv /uv /usr/local/bin/uv
RUN python -m venv --without-pip /opt/wayside && python -m venv --without-pip /opt/hatchling
WORKDIR /src
# The lock as a constraint: only what the cloud needs, every file checked by its hash.
COPY pyproject.toml requirements.lock ./
RUN uv pip install --no-cache --verify-hashes --compile-bytecode --python /opt/wayside/bin/python \
      -c requirements.lock -r pyproject.toml --extra cloud \
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
LABEL org.opencontainers.image.title="wayside-cloud" \
      org.opencontainers.image.description="Streaming vision from the edge to the cloud: the cloud" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
# A new volume gets its owner from the folder that it is mounted over.
RUN groupadd --gid 10001 wayside \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/wayside \
      --shell /usr/sbin/nologin wayside \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/wayside
COPY --from=build /opt/wayside /opt/wayside
ENV PATH=/opt/wayside/bin:$PATH PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /var/lib/wayside
# Of `serve`; compose.yaml asks the other services in their own way.
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=4 CMD ["python", "-c", "from pathlib import Path; from cloud.app.ready import ReadyRoute; from cloud.settings import load; api = load(Path('/etc/wayside/cloud.yaml')).api; ready = ReadyRoute('127.0.0.1', api.port, api.tls and api.tls.certificate_file); raise SystemExit(0 if ready.is_ready() else ready.reason)"]
ENTRYPOINT ["wayside-cloud"]
CMD ["serve", "-c", "/etc/wayside/cloud.yaml"]
