"""Django's view of the app `accounts`."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """The app `accounts`."""

    name = "careloop.web.accounts"
    label = "accounts"
    verbose_name = "账户 · Accounts"
