"""The site's settings with tables straight from the models: `pytest --nomigrations`."""

from careloop.web.settings import *  # noqa: F403
from careloop.web.settings import INSTALLED_APPS

MIGRATION_MODULES = {
    name.rpartition(".")[2]: None for name in INSTALLED_APPS if name.startswith("careloop.")
}
