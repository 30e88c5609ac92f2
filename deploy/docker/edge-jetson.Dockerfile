# wayside-edge on a Jetson with JetPack 6: the system's cv2 (with GStreamer) and tensorrt, and pycuda
# by which tensorrt's engines run, compiled against the image's CUDA. Built on
# the board, or for linux/arm64, from the root of the tree:
#   docker build -f deploy/docker/edge-jetson.Dockerfile -t wayside-edge:0.1.0-jetson .
#   docker run --runtime nvidia --read-only --tmpfs /tmp --tmpfs /run/wayside:uid=10001,mode=0700 \
#     -v wayside:/var/lib/wayside -v ./agent.yaml:/etc/wayside/agent.yaml:ro \
#     wayside-edge:0.1.0-jetson
FROM ghcr.io/astral-sh/uv:0.13.9 AS uv

FROM nvcr.io/nvidia/l4t-jetpack:r36.4.0 AS system
RUN apt-get update \
    && apt-get install -y --no-install-recommends ffmpeg python3-opencv python3-venv \
    && rm -rf /var/lib/apt/lists/*

FROM system AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
      g++ python3-dev python3-setuptools python3-wheel \
    && rm -rf /var/lib/apt/lists/*
COPY --from=uv /uv /usr/local/bin/uv
RUN python3 -m venv --without-pip --system-site-packages /opt/wayside \
    && python3 -m venv --without-pip /opt/hatchling
WORKDIR /src
COPY pyproject.toml requirements.lock ./
# The lock as a constraint, every file checked by its hash; but NumPy 1, for which the system's
# cv2 was compiled: with NumPy 2 it cannot be imported. And pycuda with what it needs, which the
# lock leaves out, for it cannot be installed where there is no CUDA.
RUN awk '/^[a-z0-9]/ {skip = /^numpy==/} !skip' requirements.lock > jetson.lock \
    && printf '%s --hash=sha256:%s\n' \
      numpy==1.26.4 d209d8969599b27ad20994c8e41936ee0964e6da07478d6c35016bc386b66ad4 \
      pycuda==2026.1 759516160628ba06f32ce7e563e3f5b9214691dc9528a03ea99ea1073f4e14ba \
      mako==1.4.3 723296007c870bfd6b3f0c3230dba7198096e5269297ebf5e4eff9e7ffa39d4f \
      markupsafe==3.0.4 cf63c214fe879a65e69a386f915e36104fc84254ab141240f8854602d8e0be2a \
      pytools==2026.1.1 1f6d9a39c871b6dc761893373792f10b67886c83e38f2aa09b66e11f8c021436 \
      siphash24==1.9 03b638d7e2f9676df5af0f0b6ae3fdad53ae4405d26a63cc203e44137a19a49f \
      >> jetson.lock \
    && uv pip install --no-cache --verify-hashes --compile-bytecode \
      --python /opt/wayside/bin/python -c jetson.lock -r pyproject.toml --extra jetson \
    && uv pip install --no-cache --verify-hashes --python /opt/hatchling/bin/python \
      -c requirements.lock hatchling
# Its setup.py finds CUDA by nvcc on the path, and builds with the NumPy that was just installed.
RUN PATH=/usr/local/cuda/bin:$PATH uv pip install --no-cache --verify-hashes --compile-bytecode \
      --no-build-isolation-package pycuda --python /opt/wayside/bin/python \
      -c jetson.lock -r pyproject.toml --extra jetson --extra tensorrt
COPY README.md LICENSE ./
COPY wayside wayside
COPY protos protos
COPY models models
COPY edge edge
COPY cloud cloud
RUN /opt/hatchling/bin/python -m hatchling build -t wheel -d /wheels \
    && uv pip install --no-cache --no-deps --no-index --compile-bytecode \
      --python /opt/wayside/bin/python /wheels/*.whl \
    && /opt/wayside/bin/python -c "import cv2, edge.app; from importlib.util import find_spec; assert find_spec('tensorrt') and find_spec('pycuda._driver')"

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
