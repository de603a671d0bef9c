"""Django's settings, all from one `Configuration`. See `careloop.web.configuration`."""

from django.utils.functional import SimpleLazyObject

from careloop.web.configuration import Configuration, database

CONFIGURATION = Configuration.from_environment()

DEBUG = CONFIGURATION.debug
ALLOWED_HOSTS = list(CONFIGURATION.allowed_hosts)
SECRET_KEY = SimpleLazyObject(CONFIGURATION.kept_secret_key)  # no file until something is signed
DATABASES = {"default": database(CONFIGURATION.database_url)}

INSTALLED_APPS = ["careloop.web.registry"]
ROOT_URLCONF = "careloop.web.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"
