"""The rules for passwords, told in both languages; the checking is Django's."""

from __future__ import annotations

from django.contrib.auth import password_validation

from careloop.web.site.language import gettext as _


class LongEnough(password_validation.MinimumLengthValidator):
    """So many characters at least."""

    def get_error_message(self) -> str:
        """What is told."""
        return _("Too short: at least {count} characters.").format(count=self.min_length)


class NotOnesName(password_validation.UserAttributeSimilarityValidator):
    """Not like one's own name or login name."""

    def get_error_message(self) -> str:
        """What is told."""
        return _("Too like your name or your login name.")


class NotCommon(password_validation.CommonPasswordValidator):
    """Not one of the twenty thousand that everybody tries first."""

    def get_error_message(self) -> str:
        """What is told."""
        return _("This password is a common one that others try first.")


class NotOnlyDigits(password_validation.NumericPasswordValidator):
    """Not a birthday or a telephone number."""

    def get_error_message(self) -> str:
        """What is told."""
        return _("Not only digits.")
