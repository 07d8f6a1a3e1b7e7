"""Every setting of the service, read from the environment once.

Importing this file starts nothing and needs no server: the entry points (manage.py, the
worker, the web server, tests/conftest.py) start the embedded PostgreSQL and Valkey where no
DATABASE_URL / REDIS_URL is given. docs/operations/settings.md lists every variable.
"""

import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from backend import embedded, presentation

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

# ---------------------------------------------------------------- what kind of machine this is
# development: no secret is needed, debug pages off all the same.  production: nothing has a
# convenient default and the service refuses to start without its secrets.
ENVIRONMENT = env.str("TUIKE_ENV", default="development")
PRODUCTION = ENVIRONMENT == "production"
DEBUG = env.bool("DEBUG", default=False)
VAR_DIR = Path(env.str("TUIKE_VAR", default=str(BASE_DIR / "var")))

_DEVELOPMENT_KEY = "development-only-not-a-secret-" + "0123456789abcdef" * 2
SECRET_KEY = env.str("SECRET_KEY", default="" if PRODUCTION else _DEVELOPMENT_KEY)
if PRODUCTION and (not SECRET_KEY or SECRET_KEY == _DEVELOPMENT_KEY):
    raise ImproperlyConfigured("SECRET_KEY must be set when TUIKE_ENV=production")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
# Keys that encrypt payee names and account numbers, newest first (urlsafe base64, 32 bytes).
FIELD_KEYS: list[str] = env.list("FIELD_KEYS", default=[])
if PRODUCTION and not FIELD_KEYS:
    raise ImproperlyConfigured("FIELD_KEYS must be set when TUIKE_ENV=production")
if not all(re.fullmatch(r"[A-Za-z0-9_-]{43}=", key) for key in FIELD_KEYS):
    raise ImproperlyConfigured("each of FIELD_KEYS is 32 bytes in urlsafe base64")
# The secret half of the key that signs statements (Ed25519, 32 bytes in urlsafe base64). Its public
# half is kept with what it has signed, so that replacing it breaks no statement.
STATEMENT_SIGNING_KEY = env.str("STATEMENT_SIGNING_KEY", default="")
if PRODUCTION and not STATEMENT_SIGNING_KEY:
    raise ImproperlyConfigured("STATEMENT_SIGNING_KEY must be set when TUIKE_ENV=production")
if STATEMENT_SIGNING_KEY and not re.fullmatch(r"[A-Za-z0-9_-]{43}=", STATEMENT_SIGNING_KEY):
    raise ImproperlyConfigured("STATEMENT_SIGNING_KEY is 32 bytes in urlsafe base64")

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[] if PRODUCTION else ["*"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
PUBLIC_URL = env.str("PUBLIC_URL", default="http://127.0.0.1:8000")

# ---------------------------------------------------------------- applications
INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "backend.apps.DeskConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "axes",
    "django_otp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "backend.apps.WiringConfig",
    "backend.core",
    "backend.accounts",
    "shops",
    "notes",
    "commissions",
    "backend.webhooks.apps.WebhooksConfig",
    "seeds",
]
MIDDLEWARE = [
    "backend.rest.middleware.RequestId",
    "backend.rest.refusals.Refusals",
    "backend.rest.headers.Headers",
    "django.middleware.security.SecurityMiddleware",
    "backend.rest.headers.Transport",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "backend.rest.middleware.AdminSession",
    "django.middleware.csrf.CsrfViewMiddleware",
    "backend.rest.middleware.AdminAuthentication",
    "backend.rest.middleware.AdminSecondFactor",
    "backend.rest.middleware.AdminMessages",
    "backend.rest.middleware.AdminZone",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "backend.rest.middleware.AdminAxes",
]
ROOT_URLCONF = "backend.urls"
WSGI_APPLICATION = "backend.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "backend" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]


# ---------------------------------------------------------------- PostgreSQL
# libpq's own words for encryption: ?sslmode=verify-full&sslrootcert=/etc/ssl/db-ca.pem
TLS_OPTIONS = frozenset({"sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl"})


def _database(url: str) -> dict[str, Any]:
    """Django's DATABASES entry of a postgresql:// URL; a socket folder may stand in ?host=."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres"):
        raise ImproperlyConfigured("DATABASE_URL must begin with postgresql://")
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    strange = set(query) - {"host"} - TLS_OPTIONS
    if strange:
        raise ImproperlyConfigured(f"DATABASE_URL knows no {', '.join(sorted(strange))}")
    return {
        "ENGINE": "backend.core.postgres",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.get("host", parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": env.int("CONN_MAX_AGE", default=600),
        "CONN_HEALTH_CHECKS": env.bool("CONN_HEALTH_CHECKS", default=True),
        "OPTIONS": {
            # Prepared statements: measured 1,761 against 942 requests/s on a joined page.
            "server_side_binding": True,
            "prepare_threshold": 2,
            "connect_timeout": 5,
            **{name: value for name, value in query.items() if name in TLS_OPTIONS},
            "options": " ".join(
                f"-c {name}={value}"
                for name, value in {
                    "statement_timeout": STATEMENT_TIMEOUT_MS,
                    "lock_timeout": LOCK_TIMEOUT_MS,
                    "idle_in_transaction_session_timeout": IDLE_TIMEOUT_MS,
                    "timezone": "UTC",
                    # Looks every 2 seconds whether its client still lives: the statement of a
                    # killed worker ends, and lets go of its locks, instead of running to its end.
                    "client_connection_check_interval": 2_000,
                }.items()
            ),
        },
        "TEST": {"NAME": env.str("TUIKE_TEST_DB", default="test_tuike")},
    }


_urls = embedded.expected_urls(VAR_DIR)
DATABASE_URL = env.str("DATABASE_URL", default=_urls.database_url)
# Milliseconds. The web must never hang on one statement; jobs and commands ask for more
# (backend.celery and manage.py set TUIKE_JOB=1).
_JOB = env.bool("TUIKE_JOB", default=False)
STATEMENT_TIMEOUT_MS = env.int("STATEMENT_TIMEOUT_MS", default=600_000 if _JOB else 5_000)
LOCK_TIMEOUT_MS = env.int("LOCK_TIMEOUT_MS", default=10_000 if _JOB else 2_000)
IDLE_TIMEOUT_MS = env.int("IDLE_TIMEOUT_MS", default=600_000 if _JOB else 15_000)
DATABASES = {"default": _database(DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# ---------------------------------------------------------------- Redis / Valkey
REDIS_URL = env.str("REDIS_URL", default=_urls.redis_url)
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "tuike",
        # Seconds that a request waits for a Redis that hangs, instead of 5; then it does without.
        "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
    }
}


def _broker(url: str) -> str:
    """Celery's spelling of a Redis URL: a Unix socket is redis+socket:// there."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    number = parse_qs(parts.query).get("db", ["0"])[0]
    return f"redis+socket://{parts.path}?virtual_host={number}"


CELERY_BROKER_URL = _broker(REDIS_URL)

# ---------------------------------------------------------------- who signs in
AUTH_USER_MODEL = "accounts.Account"
# Where a sign-in at /admin/login/ leads: nobody else has a sign-in page.
LOGIN_REDIRECT_URL = "/admin/"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},  # 8
    {"NAME": "backend.accounts.passwords.LongForStaff"},  # 12
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ["handle", "display_name", "phone"]},
    },
    {"NAME": "backend.accounts.passwords.NotOurNames"},
]
PASSWORD_HASHERS = env.list("PASSWORD_HASHERS", default=["backend.accounts.hashers.Scrypt"])
# Who of the staff needs a second factor to enter the admin: "required" everybody, "money" whoever
# holds a right that lets money go and superusers, "off" nobody (a failing check in production).
STAFF_TWO_FACTOR = env.str("STAFF_TWO_FACTOR", default="required")
if STAFF_TWO_FACTOR not in ("required", "money", "off"):
    raise ImproperlyConfigured("STAFF_TWO_FACTOR is required, money or off")
# Seconds after which letting money go asks for a code again.
STAFF_CODE_SECONDS = env.int("STAFF_CODE_SECONDS", default=300)
# How many proxies of ours stand in front; what else X-Forwarded-For says is not believed.
NUM_PROXIES = env.int("NUM_PROXIES", default=0)
# Failed sign-ins in a quarter of an hour, then no more until it has passed: of one name from one
# address, of one name from everywhere, and of one address (backend/accounts/lockout.py).
AXES_FAILURE_LIMIT = 5
SIGN_IN_LIMIT_NAME = 30
SIGN_IN_LIMIT_ADDRESS = 60
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"], ["username"], ["ip_address"]]
AXES_HANDLER = "backend.accounts.lockout.Handler"
AXES_CLIENT_IP_CALLABLE = "backend.accounts.lockout.network_of"
AXES_LOCKOUT_CALLABLE = "backend.accounts.admin.frame.locked"
AXES_USERNAME_FORM_FIELD = "username"
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "code", "csrfmiddlewaretoken"]
# Tries during a lock do not lengthen it: nobody can keep somebody else out for ever.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True  # sign-ins stand in the audit trail
AXES_ENABLE_ADMIN = False  # backend/accounts/admin has its page
AXES_VERBOSE = False
# Our AdminAxes is a subclass that passes the API by; the check looks for the exact class.
SILENCED_SYSTEM_CHECKS = ["axes.W002"]
TOKEN_LIFETIME_DAYS = 90
TOKEN_IDLE_DAYS = 30
TOKENS_AT_ONCE = 20  # one more ends the oldest
SESSION_COOKIE_AGE = 30 * 60  # seconds; staff sessions end after half an hour idle
SESSION_SAVE_EVERY_REQUEST = True
SESSION_HOURS = 12  # and after so many hours whatever is done
# In the session's row: a cookie of their own would carry what they say to whoever reads it.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# ---------------------------------------------------------------- transport security
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=PRODUCTION)
# Health checks come from inside; the API refuses plain HTTP instead of redirecting it
# (backend.rest.headers.Transport).
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^v1/"]
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PRODUCTION
SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_SECURE = PRODUCTION
# A browser takes a name with __Host- over HTTPS alone, for this host and every path of it: no
# neighbouring host can plant one.
COOKIE_PREFIX = "__Host-" if PRODUCTION else ""
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrftoken"
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = True  # forms carry the token themselves; no script reads the cookie
SESSION_COOKIE_SAMESITE = "Lax"  # a link in a colleague's message opens the page, signed in
CSRF_COOKIE_SAMESITE = "Strict"
if env.bool("BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576  # bytes
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
DATA_UPLOAD_MAX_NUMBER_FILES = 4
FILE_UPLOAD_MAX_MEMORY_SIZE = 2_621_440

# ---------------------------------------------------------------- REST
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["backend.accounts.authentication.BearerToken"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["backend.rest.renderers.JSON"],
    "DEFAULT_PARSER_CLASSES": ["backend.rest.parsers.StrictJSON"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "backend.rest.negotiation.Negotiation",
    "DEFAULT_THROTTLE_CLASSES": ["backend.rest.throttles.PerCaller"],
    "DEFAULT_SCHEMA_CLASS": "backend.rest.schema.Schema",
    "EXCEPTION_HANDLER": "backend.rest.problems.handle",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "NUM_PROXIES": NUM_PROXIES,
    "COMPACT_JSON": True,
    # ?format= is a parameter like any other: unknown.
    "URL_FORMAT_OVERRIDE": None,
}
# calls per minute and caller, by scope
THROTTLE_PER_MINUTE = {
    "anonymous": env.int("THROTTLE_ANONYMOUS", default=300),
    "account": env.int("THROTTLE_ACCOUNT", default=1_200),
    "sign-in": env.int("THROTTLE_SIGN_IN", default=10),
    "sign-up": env.int("THROTTLE_SIGN_UP", default=20),
    "payout": env.int("THROTTLE_PAYOUT", default=20),
    "redirect": env.int("THROTTLE_REDIRECT", default=600),
    "upload": env.int("THROTTLE_UPLOAD", default=120),
    # per address of a payment provider: signed callbacks of a busy day
    "provider": env.int("THROTTLE_PROVIDER", default=6_000),
}
SPECTACULAR_SETTINGS = presentation.API_PAGE

# ---------------------------------------------------------------- language, time, files
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
# 2026-11-22 15:04 instead of Nov. 22, 2026, 3:04 p.m.: staff compare and sort by eye.
FORMAT_MODULE_PATH = ["backend.formats"]
# The zone whose midnight ends a business day: DAB, GMV, settlement days.
BUSINESS_ZONE = env.str("BUSINESS_ZONE", default="Asia/Shanghai")
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
MEDIA_URL = "/media/"
MEDIA_ROOT = VAR_DIR / "media"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
# Without a collected folder whitenoise serves from the packages themselves.
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = False
WHITENOISE_ALLOW_ALL_ORIGINS = False

# ---------------------------------------------------------------- the market's own rules
TRADING_ENABLED = env.bool("TRADING_ENABLED", default=True)
GOODS_NOTE_MIN_FOLLOWERS = 1000
NOTE_MAX_CARDS = 5
CHECKOUT_MINUTES = 30
AUTO_RECEIVE_DAYS = 10
SHIP_BY_HOURS = 72
REFUND_ANSWER_HOURS = 48
LICENCE_FREE_YEARLY_FEN = 10_000_000
PLATFORM_FEE_BPS = 500
COMMISSION_CAP_BPS = 5000
PAYING_LEVELS = 2
THIRD_LEVEL_CONFIRMED = False
AGENCY_NOTICE_DAYS = 7
CHARITY_BPS_OF_FEE = 100
TOUCH_WINDOW_DAYS = {"referral": 30, "note": 7, "live": 3}
SELF_PURCHASE = "none"  # none | discount | commission
SELF_PURCHASE_COMPARES = ["phone", "payer", "address"]  # beside the account itself
PAYOUT_MINIMUM_FEN = 100
PAYOUT_FEE_FEN = 0
RISK_ORDERS_PER_HOUR = 60
RISK_ORDERS_PER_DAY = 500
PAYMENT_SANDBOX_SECRET = env.str(
    "PAYMENT_SANDBOX_SECRET", default="" if PRODUCTION else "sandbox-secret-for-development"
)
# Whether webhooks may go to this machine itself: a receiver under development. Never in production.
WEBHOOK_LOOPBACK = not PRODUCTION and env.bool("WEBHOOK_LOOPBACK", default=True)
RANKING_WEIGHTS = {"like": 1, "collect": 1, "comment": 4, "share": 4, "follow": 8}
RANKING_SECONDS = 172_800

# ---------------------------------------------------------------- logs
LOG_FORMAT = env.str("LOG_FORMAT", default="json" if PRODUCTION else "console")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "backend.core.logs.Formatter", "style_name": LOG_FORMAT}},
    "handlers": {
        "out": {"class": "logging.StreamHandler", "stream": sys.stderr, "formatter": "line"}
    },
    "root": {"handlers": ["out"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "celery.redirected": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
    },
}

UNFOLD = presentation.ADMIN_THEME | {"SITE_SUBHEADER": f"{BUSINESS_ZONE} time"}
