# The sidecar in a container: docs/running.md, "In a container".
FROM python:3.12-slim AS build
WORKDIR /build
COPY requirements/constraints.txt requirements/constraints.txt
COPY pyproject.toml README.md LICENSE THIRD_PARTY_NOTICES.md ./
COPY src src
RUN python -m venv /opt/stash-sense \
    && /opt/stash-sense/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
        --constraint requirements/constraints.txt .

FROM python:3.12-slim
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
