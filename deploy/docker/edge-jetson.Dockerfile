# wayside-edge on a Jetson with JetPack 6: the system's cv2 (with GStreamer) and tensorrt. Built on
# the board, or for linux/arm64, from the root of the tree:
#   docker build -f deploy/docker/edge-jetson.Dockerfile -t wayside-edge:0.1.0-jetson .
#   docker run --runtime nvidia --read-only --tmpfs /tmp --tmpfs /run/wayside:uid=10001,mode=0700 \
#     -v wayside:/var/lib/wayside -v ./agent.yaml:/etc/wayside/agent.yaml:ro \
#     wayside-edge:0.1.0-jetson
FROM ghcr.io/astral-sh/uv:0.13.9 AS uv

FROM nvcr.io/nvidia/l4t-jetpack:r36.4.0 AS system
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3-opencv python3-venv \
    && rm -rf /var/lib/apt/lists/*

FROM system AS build
COPY --from=uv /uv /usr/local/bin/uv
RUN python3 -m venv --without-pip --system-site-packages /opt/wayside \
    && python3 -m venv --without-pip /opt/hatchling
WORKDIR /src
COPY pyproject.toml requirements.lock ./
# The lock as a constraint, every file checked by its hash; but NumPy 1, for which the system's
# cv2 was compiled: with NumPy 2 it cannot be imported.
RUN awk '/^[a-z0-9]/ {skip = /^numpy==/} !skip' requirements.lock > jetson.lock \
    && printf 'numpy==1.26.4 --hash=sha256:%s\n' \
      d209d8969599b27ad20994c8e41936ee0964e6da07478d6c35016bc386b66ad4 >> jetson.lock \
    && uv pip install --no-cache --verify-hashes --compile-bytecode \
      --python /opt/wayside/bin/python -c jetson.lock -r pyproject.toml --extra jetson \
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
      --python /opt/wayside/bin/python /wheels/*.whl \
    && /opt/wayside/bin/python -c "import cv2, importlib.util, edge.app; assert importlib.util.find_spec('tensorrt')"

FROM system
LABEL org.opencontainers.image.title="wayside-edge" \
      org.opencontainers.image.description="Streaming vision from the edge to the cloud: the agent" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
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
