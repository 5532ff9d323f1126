# The sidecar in a container: docs/running.md, "In a container". Images are named by digest, which nobody can
# change; `docker buildx imagetools inspect python:3.12-slim` prints the newest.
FROM python:3.12.14-slim-trixie@sha256:78387bc3881b8273120a12ebe6c1ab22b018ccc2c9adf565ae1ac9b536e184ea AS build
WORKDIR /build
COPY requirements/build.txt requirements/runtime.txt requirements/
COPY pyproject.toml README.md LICENSE THIRD_PARTY_NOTICES.md ./
COPY plugin plugin
COPY src src
# Nothing is installed whose hash is not listed: not even what source packages are built with.
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m pip install --require-hashes --requirement requirements/build.txt \
    && python -m pip wheel --no-build-isolation --require-hashes --requirement requirements/runtime.txt \
        --wheel-dir wheels \
    && python -m pip wheel --no-build-isolation --no-deps --wheel-dir wheels . \
    && python -m venv /opt/stash-sense \
    && /opt/stash-sense/bin/python -m pip install --no-index --no-deps wheels/*.whl

FROM python:3.12.14-slim-trixie@sha256:78387bc3881b8273120a12ebe6c1ab22b018ccc2c9adf565ae1ac9b536e184ea
# Stash Sense is MIT; two of the packages bring libraries under the GPL with them (THIRD_PARTY_NOTICES.md).
LABEL org.opencontainers.image.licenses="MIT AND GPL-3.0-or-later"
COPY LICENSE THIRD_PARTY_NOTICES.md /usr/share/doc/stash-sense/
# A uid that belongs to no user of the host; /data is the only writable place.
RUN useradd --uid 6960 --no-create-home --home-dir /data --shell /usr/sbin/nologin sense \
    && install --directory --owner=sense --group=sense --mode=0700 /data
COPY --from=build /opt/stash-sense /opt/stash-sense
# All interfaces of the container: only its network reaches them, and callers need a secret.
ENV PATH=/opt/stash-sense/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    DATA_DIR=/data \
    STASH_SENSE_HOST=0.0.0.0
USER sense
WORKDIR /data
VOLUME /data
EXPOSE 6960
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as web; web.urlopen('http://127.0.0.1:' + (os.environ.get('STASH_SENSE_PORT') or '6960') + '/health', timeout=4)"]
CMD ["stash-sense", "serve"]
