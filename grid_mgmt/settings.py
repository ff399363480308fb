"""Settings, read from the environment only; docs/operations.md lists every name.

Without DATABASE_URL / REDIS_URL the private servers under var/ are used (apps.common.embedded).
"""

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from apps.common.embedded import paths
from apps.common.geolibs import find_geo_libraries
from apps.common.secrets import secret_key
from apps.notices.channels.targets import parse_networks
from apps.notices.quiet import parse_quiet

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = paths.var_dir()

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = secret_key(env.str("SECRET_KEY", default=""), VAR_DIR)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "apps.common",
    "apps.grids",
    "apps.staff",
    "apps.notices",
    "apps.issues",
    "apps.dispatch",
    "apps.field",
    "apps.demo",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "mptt",
    "django_mptt_admin",
    "leaflet",
    "django_htmx",
    "lucide",
    "csp",
]

MIDDLEWARE = [
    "apps.common.requests.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.common.compression.CompressWordsMiddleware",
    "apps.common.policy.PolicyMiddleware",
    "apps.common.lanes.PageSessions",
    "apps.common.languages.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "apps.common.lanes.PageAuthentication",
    "apps.staff.look.LookMiddleware",
    "apps.common.lanes.PageMessages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "apps.common.lanes.PageHtmx",
]

ROOT_URLCONF = "grid_mgmt.urls"
WSGI_APPLICATION = "grid_mgmt.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- PostgreSQL and Valkey ---------------------------------------------------------------------------
DATABASES: dict[str, dict[str, Any]] = {
    "default": env.db_url_config(env.str("DATABASE_URL", default="") or paths.database_url())
    | {"ENGINE": "apps.common.database", "CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
}
DATABASES["default"].setdefault("OPTIONS", {}).update(connect_timeout=5)
# Off for web processes behind a pooler that lends by transaction; neither can a cursor outlive one there.
PREPARED_STATEMENTS = env.bool("PREPARED_STATEMENTS", default=True)
DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = not PREPARED_STATEMENTS
if socket_dir := DATABASES["default"]["OPTIONS"].pop("host", ""):  # postgres://user@/name?host=/socket/directory
    DATABASES["default"]["HOST"] = socket_dir
# A demo city brings accounts with a known password: never in a database of one's own, unless told that it is for show.
DEMO_ALLOWED = env.bool("GRID_DEMO", default=not env.str("DATABASE_URL", default=""))
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default="") or paths.redis_url()

CELERY_BROKER_URL = paths.celery_broker_url(REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_PUBLISH_RETRY = False  # a broker that is down must not hold a filing; the sweep routes it later
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 900,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    "socket_connect_timeout": 1,
    "socket_timeout": 5,
}
SWEEP_SECONDS = env.int("SWEEP_SECONDS", default=30)
FLOW_WORDING = env.str("FLOW_WORDING", default="loop")  # or "urban": 立案/派遣/处置/核查/结案
REOPEN_WITHIN = timedelta(days=env.int("REOPEN_WITHIN_DAYS", default=15))  # of the concluding event
RETURN_WITHIN_WORK_HOURS = env.int("RETURN_WITHIN_WORK_HOURS", default=8)  # after signing, for a department
DELIVER_SECONDS = env.int("DELIVER_SECONDS", default=10)
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "issues.sweep", "schedule": SWEEP_SECONDS, "options": {"expires": SWEEP_SECONDS}},
    "deliver": {"task": "notices.deliver", "schedule": DELIVER_SECONDS, "options": {"expires": DELIVER_SECONDS}},
    # the finished day at 00:40; every hour, for what was missed
    "record_late": {"task": "issues.record_late", "schedule": 60, "options": {"expires": 60}},
    "anchor": {"task": "issues.anchor", "schedule": crontab(minute="40"), "options": {"expires": 3_000}},
    "purge_notices": {"task": "notices.purge", "schedule": crontab(hour="3", minute="20")},
}

# --- people ------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "staff.User"
AUTHENTICATION_BACKENDS = ["apps.staff.backends.StaffNumberOrPhone"]
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"
SESSION_COOKIE_AGE = 30 * 24 * 3600  # the phone stays signed in for thirty days (reference: E13)
SECURE_COOKIES = env.bool("SECURE_COOKIES", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_COOKIES else 0
if SECURE_COOKIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# --- language and time -------------------------------------------------------------------------------
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
TIME_ZONE = env.str("TIME_ZONE", default="Asia/Shanghai")
USE_TZ = True

# --- notices that leave the house ----------------------------------------------------------------------
SITE_URL = env.str("SITE_URL", default="").rstrip("/")  # for links in messages: without it they have none
QUIET_HOURS = parse_quiet(env.str("QUIET_HOURS", default="21:00-07:00"))
DELIVERY_KEEP_DAYS = env.int("DELIVERY_KEEP_DAYS", default=90)
NOTICE_KEEP_DAYS = env.int("NOTICE_KEEP_DAYS", default=180)
EMAIL_CONFIG = env.email_url_config(env.str("EMAIL_URL", default="") or "filemail://")  # files until a server is named
EMAIL_BACKEND = EMAIL_CONFIG["EMAIL_BACKEND"]
EMAIL_FILE_PATH = EMAIL_CONFIG["EMAIL_FILE_PATH"] or VAR_DIR / "mail"
EMAIL_HOST, EMAIL_PORT = EMAIL_CONFIG["EMAIL_HOST"] or "localhost", EMAIL_CONFIG["EMAIL_PORT"] or 25
EMAIL_HOST_USER = EMAIL_CONFIG["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD = EMAIL_CONFIG["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_TLS, EMAIL_USE_SSL = EMAIL_CONFIG.get("EMAIL_USE_TLS", False), EMAIL_CONFIG.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", default="") or "grid_mgmt@localhost"
SMS_GATEWAY = env.str("SMS_GATEWAY", default="") or "apps.notices.channels.sms.FileGateway"
SMS_FILE = env.str("SMS_FILE", default="") or VAR_DIR / "sms.jsonl"
WEBHOOK_ALLOWED_NETWORKS = parse_networks(env.list("WEBHOOK_ALLOWED_NETWORKS", default=[]))
WEBHOOK_CA_FILE = env.str("WEBHOOK_CA_FILE", default="")

# --- files -------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = VAR_DIR / "media"  # photos; never served directly, only through the visibility predicate
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "apps.common.staticfiles.HashedStaticFiles"
    },
}
WHITENOISE_USE_FINDERS = DEBUG
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
PHOTO_MAX_BYTES = 15 * 1024 * 1024
PHOTO_MAX_PIXELS = 60_000_000

# --- security headers --------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
        "base-uri": [SELF],
    }
}
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "apps.common.errors.stale_form"

# --- API ---------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.staff.tokens.QuickTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apps.common.parsers.LimitedJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "apps.issues.api.errors.answer",
    "UNICODE_JSON": True,
}
SPECTACULAR_SETTINGS = {"TITLE": "grid_mgmt", "VERSION": "1", "SERVE_INCLUDE_SCHEMA": False}

# --- maps: GDAL and GEOS out of the wheels, cells are the base map -------------------------------------
GDAL_LIBRARY_PATH, GEOS_LIBRARY_PATH = find_geo_libraries()
LEAFLET_CONFIG: dict[str, Any] = {
    "TILES": [],  # nothing foreign is loaded: the cells themselves are the base map
    "DEFAULT_CENTER": (34.75, 113.62),
    "DEFAULT_ZOOM": 11,
    "SPATIAL_EXTENT": (112.4, 34.1, 114.4, 35.1),
    "ATTRIBUTION_PREFIX": "",
    "NO_GLOBALS": False,
}

# --- logs: one JSON object a line, with the request's id ------------------------------------------------
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "apps.common.requests.RequestIdFilter"}},
    "formatters": {
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "format": "%(levelname)s %(name)s %(message)s %(request_id)s",
            "rename_fields": {"levelname": "level", "name": "logger"},
            "timestamp": "time",  # ISO 8601, UTC
            "json_ensure_ascii": False,
        },
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["request_id"]},
    },
    "loggers": {"httpx": {"level": "WARNING"}},  # it would log whole addresses, and some hold a token
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
}
logging.captureWarnings(True)
