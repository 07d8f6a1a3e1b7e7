# One image for web, worker, beat and migrations; docker-compose.yml says which command each runs.
# Build stage: the pinned requirements, checked against their hashes, in an environment of their own.
FROM python:3.11-slim AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/tuike/env
COPY requirements/base.txt /tmp/base.txt
RUN /opt/tuike/env/bin/pip install --require-hashes --no-deps --only-binary :all: -r /tmp/base.txt

# The static files of the admin and the API page are collected while building, so that web servers
# start at once and never write.
WORKDIR /opt/tuike/app
COPY manage.py pyproject.toml ./
COPY backend backend
COPY shops shops
COPY notes notes
COPY commissions commissions
COPY seeds seeds
# What archives are checked with.
COPY docs/check_ledger.py docs/check_ledger.py
RUN TUIKE_VAR=/opt/tuike/var /opt/tuike/env/bin/python manage.py collectstatic --noinput \
    && /opt/tuike/env/bin/python -m compileall -q /opt/tuike/app


FROM python:3.11-slim

ENV PATH=/opt/tuike/env/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TUIKE_ENV=production \
    TUIKE_VAR=/opt/tuike/var

RUN groupadd --system --gid 10001 tuike \
    && useradd --system --uid 10001 --gid tuike --no-create-home --home-dir /nonexistent tuike
COPY --from=build /opt/tuike /opt/tuike
# Uploaded pictures are the only thing the service writes to a disk of its own.
RUN mkdir -p /opt/tuike/var/media && chown -R tuike:tuike /opt/tuike/var/media
VOLUME /opt/tuike/var/media

WORKDIR /opt/tuike/app
USER tuike
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["granian", "--interface", "wsgi", "--no-ws", "--host", "0.0.0.0", "--port", "8000", \
     "--workers", "2", "--blocking-threads", "8", "--blocking-threads-idle-timeout", "600", \
     "--workers-kill-timeout", "25", "--respawn-failed-workers", \
     "backend.wsgi:application"]
