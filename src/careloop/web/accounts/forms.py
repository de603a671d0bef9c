"""The forms of the accounts: what is asked, and what is told about a wrong answer."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.validators import RegexValidator

from careloop.web.accounts.models import Organisation, User
from careloop.web.accounts.readable import NUMBER, login_name, plain
from careloop.web.accounts.role import ROLE_NAMES, Role
from careloop.web.registry.national_id import normalised, written_out
from careloop.web.site.language import gettext, language
from careloop.web.site.language import gettext_lazy as _

LONGEST_PASSWORD = 128
REASON_AT_LEAST = 6
STAFF: tuple[Role, ...] = ("manager", "doctor", "nurse", "village_doctor", "researcher")
"""Whose accounts a manager makes. A resident's account leads to a person: care staff make those."""


def _password(name: str, use: str) -> forms.CharField:
    return forms.CharField(
        label=name,
        strip=False,
        max_length=LONGEST_PASSWORD,
        widget=forms.PasswordInput(attrs={"autocomplete": use}),
        error_messages={"required": _("Please enter it.")},
    )


class _LoginName(forms.CharField):
    """A login name, checked as it is kept."""

    def to_python(self, value: Any) -> str:
        """In small letters and plain digits."""
        return login_name(super().to_python(value) or "")


class LoginForm(forms.Form):
    """Name and password."""

    username = _LoginName(
        label=_("Login name"),
        max_length=60,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
        error_messages={"required": _("Please enter it.")},
    )
    password = _password(_("Password"), "current-password")


class CodeForm(forms.Form):
    """A code of six digits, or a recovery code."""

    code = forms.CharField(
        label=_("Code"),
        max_length=32,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"}
        ),
        error_messages={"required": _("Please enter it.")},
    )


class _NewPasswordForm(forms.Form):
    new = _password(_("New password"), "new-password")
    again = _password(_("New password once more"), "new-password")

    def __init__(self, *args: Any, user: User, **options: Any) -> None:
        super().__init__(*args, **options)
        self.user = user

    def clean(self) -> dict[str, Any]:
        """The rules for passwords; a password given out is not kept."""
        given = super().clean() or {}
        new, again = given.get("new"), given.get("again")
        if new:
            try:
                validate_password(new, self.user)
            except forms.ValidationError as error:
                self.add_error("new", error)
            if self.user.check_password(new):
                self.add_error("new", gettext("This is the password until now. Choose another."))
        if new and again and new != again:
            self.add_error("again", gettext("The two are not the same."))
        return given


class PasswordForm(_NewPasswordForm):
    """A new password, twice; and the old one, unless it was given out by a manager."""

    old = _password(_("Password until now"), "current-password")
    field_order = ("old", "new", "again")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.user.must_change_password:
            del self.fields["old"]  # it has just been used to log in


class ConfirmForm(forms.Form):
    """One's own password, before something that must not happen by a telephone left lying."""

    password = _password(_("Your password"), "current-password")


class LanguageForm(forms.Form):
    """The language of one's pages."""

    language = forms.ChoiceField(choices=User.LANGUAGES)


class _NamedForm(forms.Form):
    username = _LoginName(
        label=_("Login name"),
        min_length=2,
        max_length=60,
        validators=[
            RegexValidator(r"^[\w.@+-]+$", _("Letters, digits and . @ + - _ only, without spaces."))
        ],
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
        help_text=_("What they type to log in, such as a staff number. It is never changed."),
        error_messages={"required": _("Please enter it.")},
    )

    def clean_username(self) -> str:
        """Nobody's yet."""
        name = str(self.cleaned_data["username"])
        if User.objects.filter(username=name).exists():
            raise forms.ValidationError(gettext("Somebody has this login name already."))
        return name


class UserForm(_NamedForm):
    """Who somebody is and where they work; places are those of the manager's own tree."""

    name = forms.CharField(label=_("Name"), max_length=60)
    role = forms.ChoiceField(label=_("Role"))
    organisation = forms.ChoiceField(label=_("Place of work"))
    language = forms.ChoiceField(
        label=_("Language"),
        choices=User.LANGUAGES,
        initial="zh",
    )

    def __init__(self, *args: Any, places: list[Organisation], new: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        if not new:
            del self.fields["username"]
        self.places = {str(place.public_id): place for place in places}
        top = places[0].path.count(".") if places else 0
        unchosen = [("", "—")] if new else []  # no role is given by forgetting to choose one
        self.fields["role"].choices = unchosen + [  # type: ignore[attr-defined]
            (role, ROLE_NAMES[role][language()]) for role in STAFF
        ]
        self.fields["organisation"].choices = unchosen + [  # type: ignore[attr-defined]
            (key, "\u3000" * (place.path.count(".") - top) + place.name)
            for key, place in self.places.items()
        ]
        for field in self.fields.values():
            field.error_messages["required"] = gettext("Please enter it.")
            field.error_messages["invalid_choice"] = gettext("Choose one of those offered.")

    def clean_organisation(self) -> Organisation:
        """The place itself."""
        return self.places[self.cleaned_data["organisation"]]


class ActivationForm(forms.Form):
    """The number from the sheet, and what shows that it is theirs."""

    number = forms.CharField(
        label=_("Number on your sheet"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
        error_messages={"required": _("Please enter it.")},
    )
    proof = forms.CharField(
        label=_("Last four characters of your identity number"),
        max_length=40,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        ),
        help_text=_(
            "If none is recorded here: your date of birth in eight digits, such as 19500501."
        ),
        error_messages={"required": _("Please enter it.")},
    )

    def clean_number(self) -> str:
        """All its digits."""
        number = plain(self.cleaned_data["number"])
        if not (number.isascii() and number.isdigit() and len(number) == sum(NUMBER)):
            raise forms.ValidationError(gettext("The number on the sheet has ten digits."))
        return number


class ChoiceForm(_NewPasswordForm, _NamedForm):
    """A resident's own login name and password; a name that was chosen before is kept."""

    field_order = ("username", "new", "again")

    def __init__(self, *args: Any, named: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        if named:
            del self.fields["username"]
        else:
            self.fields["username"].help_text = _(
                "Your telephone number is easily remembered. You may choose something else."
            )

    def clean_username(self) -> str:
        """The user takes the name: the password must not be like it."""
        self.user.username = super().clean_username()
        return self.user.username


class _Reason(forms.Form):
    reason = forms.CharField(
        label=_("Why is it needed now?"),
        min_length=REASON_AT_LEAST,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("The managers read it. Write what happened, at least six characters."),
        error_messages={
            "required": _("Please enter it."),
            "min_length": _("Write what happened, at least six characters."),
        },
    )


class GlassForm(_Reason):
    """Why a person of another region must be seen now."""


class EmergencyForm(_Reason):
    """The same, for somebody whose full number is at hand."""

    number = forms.CharField(
        label=_("Full ID number of the resident"),
        min_length=6,
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters"}),
        error_messages={
            "required": _("Please enter it."),
            "min_length": _("Enter the whole number."),
        },
    )
    field_order = ("number", "reason")

    def clean_number(self) -> tuple[str, ...]:
        """In every spelling the register may keep: small or large letters, fifteen digits or 18."""
        typed = "".join(str(self.cleaned_data["number"]).split())
        number = normalised(typed)
        eighteen = (written_out(number),) if len(number) == 15 and number.isdecimal() else ()
        return (typed, typed.upper(), typed.lower(), number, *eighteen)
