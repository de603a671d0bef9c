"""Django's settings, all from one `Configuration`. See `careloop.web.configuration`."""

from django.utils.functional import SimpleLazyObject

from careloop.web.configuration import Configuration, database

CONFIGURATION = Configuration.from_environment()

DEBUG = CONFIGURATION.debug
ALLOWED_HOSTS = list(CONFIGURATION.allowed_hosts)
SECRET_KEY = SimpleLazyObject(CONFIGURATION.kept_secret_key)  # no file until something is signed
SECRET_KEY_FALLBACKS = list(CONFIGURATION.secret_key_fallbacks)
DATABASES = {"default": database(CONFIGURATION.database_url)}

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "careloop.web.accounts",
    "careloop.web.audit",
    "careloop.web.registry",
    "careloop.web.care",
    "careloop.web.imaging",
    "careloop.web.report",
    "careloop.web.portal",
    "careloop.web.site",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    # Pages and static files, a sixth of their size on a village's line. Against BREACH the answers
    # get a random length, CSRF tokens a new mask each time, and cookies are not sent across sites.
    "django.middleware.gzip.GZipMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "careloop.web.site.protection.ProtectionMiddleware",
    "careloop.web.site.protection.HostMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "careloop.web.site.language.LanguageMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "careloop.web.accounts.access.GateMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "APP_DIRS": True,  # templates stand in `jinja2/` of each app
        "OPTIONS": {
            "environment": "careloop.web.site.templating.environment",
            "context_processors": ["careloop.web.site.frame.frame"],
        },
    },
    {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True},  # form fields
]
ROOT_URLCONF = "careloop.web.urls"
WSGI_APPLICATION = "careloop.web.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["careloop.web.accounts.backend.CountingBackend"]
TWO_FACTOR = CONFIGURATION.two_factor
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "site:home"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"careloop.web.accounts.password.{name}", "OPTIONS": options}
    for name, options in (
        ("LongEnough", {"min_length": 8}),
        ("NotOnesName", {"user_attributes": ("username", "name")}),
        ("NotCommon", {}),
        ("NotOnlyDigits", {}),
    )
]
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = CONFIGURATION.https
SECURE_HSTS_SECONDS = 31_536_000 if CONFIGURATION.https else 0
SECURE_SSL_REDIRECT = False  # the proxy in front does it
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if CONFIGURATION.https else None
SECURE_REFERRER_POLICY = "same-origin"
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS if CONFIGURATION.https]
CSRF_FAILURE_VIEW = "careloop.web.site.errors.form_expired"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 << 20
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"

STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # straight from the apps: nothing is collected
WHITENOISE_MAX_AGE = 3600

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    # A traceback, or an exception's text, may hold a patient's values: requests that fail are told
    # by path, kind and place only (`site.errors`).
    "loggers": {
        "django.request": {"handlers": ["stderr"], "level": "CRITICAL", "propagate": False},
        "django.security": {"handlers": ["stderr"], "level": "CRITICAL", "propagate": False},
        "careloop.web": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
    },
}
