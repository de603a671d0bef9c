"""Django's view of the app `accounts`."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """The app `accounts`."""

    name = "careloop.web.accounts"
    label = "accounts"
    verbose_name = "账户 · Accounts"

    def ready(self) -> None:
        """Note each session as it begins."""
        from careloop.web.accounts import session  # noqa: F401, PLC0415 — once the models stand
