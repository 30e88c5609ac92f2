# wayside-edge on x86_64 and other boards without NVIDIA's software. From the root of the tree:
#   docker build -f deploy/docker/edge.Dockerfile -t wayside-edge:0.1.0 .
#   docker run --read-only --tmpfs /tmp --tmpfs /run/wayside:uid=10001,mode=0700 \
#     -v wayside:/var/lib/wayside -v ./agent.yaml:/etc/wayside/agent.yaml:ro wayside-edge:0.1.0
FROM ghcr.io/astral-sh/uv:0.13.9 AS uv

FROM python:3.11.13-slim-bookworm AS build
COPY --from=uv /uv /usr/local/bin/uv
RUN python -m venv --without-pip /opt/wayside && python -m venv --without-pip /opt/hatchling
WORKDIR /src
# The lock as a constraint: only what the edge needs, every file checked by its hash.
COPY pyproject.toml requirements.lock ./
RUN uv pip install --no-cache --verify-hashes --compile-bytecode --python /opt/wayside/bin/python \
      -c requirements.lock -r pyproject.toml --extra edge \
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
LABEL org.opencontainers.image.title="wayside-edge" \
      org.opencontainers.image.description="Streaming vision from the edge to the cloud: the agent" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN apt-get update \
    && apt-get install -y --no-install-recommends ffmpeg libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*
# A new volume gets its owner from the folder that it is mounted over.
RUN groupadd --gid 10001 wayside \
    && useradd --uid 10001 --gid 10001 --groups video,dialout --no-create-home \
      --home-dir /var/lib/wayside --shell /usr/sbin/nologin wayside \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/wayside /run/wayside
COPY --from=build /opt/wayside /opt/wayside
# These two paths win over what the settings file says.
ENV PATH=/opt/wayside/bin:$PATH PYTHONUNBUFFERED=1 HOME=/var/lib/wayside \
    WAYSIDE_EDGE__DATA_DIR=/var/lib/wayside/outbox \
    WAYSIDE_EDGE__STATUS__FILE=/run/wayside/status.json
USER 10001:10001
WORKDIR /var/lib/wayside
# The agent writes its status twice a second; stuck work ends the process by itself.
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --retries=3 CMD ["python", "-c", "import os, time; raise SystemExit(time.time() - os.stat('/run/wayside/status.json').st_mtime > 30)"]
ENTRYPOINT ["wayside-edge"]
CMD ["run", "-c", "/etc/wayside/agent.yaml"]
