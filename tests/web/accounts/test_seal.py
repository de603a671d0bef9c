"""What is sealed is not read from the database, and outlives a change of the secret key."""

from __future__ import annotations

from importlib import import_module

import pyotp
import pytest
from django.apps import apps
from django.db import connection

from careloop.web.accounts import second_factor
from careloop.web.accounts.models import LoginSession, User
from careloop.web.accounts.seal import digests, is_fresh, seal, unseal
from careloop.web.accounts.session import end_sessions
from careloop.web.configuration import Configuration

from .. import factory

OLD, NEW = "o" * 50, "n" * 50


@pytest.fixture
def nurse(tree):
    return factory.user("nurse", tree.clinic)


def use(settings, key, *fallbacks):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = key, list(fallbacks)


def test_a_seal_hides_and_opens():
    sealed = seal("JBSWY3DPEHPK3PXP")
    assert "JBSWY" not in sealed
    assert sealed != seal("JBSWY3DPEHPK3PXP")
    assert unseal(sealed) == "JBSWY3DPEHPK3PXP"
    assert len(seal(second_factor.new_secret())) <= User._meta.get_field("totp_secret").max_length


@pytest.mark.parametrize(
    "spoilt", [lambda s: s[:-4] + "AAA=", lambda _: "sealed:", lambda s: s[:40]]
)
def test_what_was_tampered_with_does_not_open(spoilt):
    assert unseal(spoilt(seal("secret"))) == ""


def test_an_old_key_opens_while_it_is_named_and_no_longer(settings):
    use(settings, OLD)
    sealed, digest = seal("secret"), digests("x", "value")[0]
    use(settings, NEW, OLD)
    assert (unseal(sealed), is_fresh(sealed), digest in digests("x", "value")) == (
        "secret",
        False,
        True,
    )
    use(settings, NEW)
    assert (unseal(sealed), digest in digests("x", "value")) == ("", False)


def test_digests_of_different_purposes_differ():
    assert digests("one", "value") != digests("two", "value")


def code_of(secret):
    return pyotp.TOTP(secret).now()


def test_a_login_under_a_new_key_seals_anew(settings, nurse):
    use(settings, OLD)
    secret = second_factor.new_secret()
    codes = second_factor.turn_on(nurse, secret, 0)
    use(settings, NEW, OLD)
    assert second_factor.accept(nurse, codes[0])
    assert second_factor.accept(nurse, code_of(secret))
    nurse.refresh_from_db()
    use(settings, NEW)
    assert unseal(nurse.totp_secret) == secret


def test_a_session_outlives_a_new_key_and_can_still_be_ended(settings, nurse, client):
    use(settings, OLD)
    client.force_login(nurse)
    use(settings, NEW, OLD)
    assert client.get("/account").status_code == 200
    assert LoginSession.objects.get().session_key == client.session.session_key
    use(settings, NEW)
    assert client.get("/account").status_code == 200
    end_sessions(nurse)
    assert client.get("/account").status_code == 302


def test_a_lost_key_lets_nobody_in_and_breaks_nothing(settings, nurse, client):
    use(settings, OLD)
    secret = second_factor.new_secret()
    codes = second_factor.turn_on(nurse, secret, 0)
    use(settings, NEW)
    nurse.refresh_from_db()
    for code in (code_of(secret), codes[0], "000000"):
        assert not second_factor.accept(nurse, code)
    answer = client.post("/login", {"username": nurse.username, "password": factory.PASSWORD})
    assert answer.url == "/login/second-factor"  # a manager removes it; it does not fall away


def test_a_secret_kept_in_the_clear_still_counts_and_is_sealed_by_its_use(tree):
    secret = second_factor.new_secret()
    nurse = factory.user("nurse", tree.clinic, totp_secret=secret)
    assert second_factor.accept(nurse, code_of(secret))
    nurse.refresh_from_db()
    assert is_fresh(nurse.totp_secret)
    assert unseal(nurse.totp_secret) == secret


def test_the_migration_seals_what_was_kept_in_the_clear_once_and_back(tree):
    secret = second_factor.new_secret()
    plain = factory.user("nurse", tree.clinic, totp_secret=secret)
    sealed = factory.user("nurse", tree.clinic, totp_secret=seal(secret))
    before, without = sealed.totp_secret, factory.user("nurse", tree.clinic)
    migration = import_module("careloop.web.accounts.migrations.0004_seal_second_factors")

    class Editor:
        """What a migration is given."""

    Editor.connection = connection
    migration.seal_all(apps, Editor)
    for user in (plain, sealed, without):
        user.refresh_from_db()
    assert secret not in plain.totp_secret
    assert unseal(plain.totp_secret) == secret
    assert (sealed.totp_secret, without.totp_secret) == (before, "")
    migration.open_all(apps, Editor)
    for user in (plain, sealed):
        user.refresh_from_db()
        assert user.totp_secret == secret


def test_the_secret_of_an_enrolment_is_not_in_the_session_in_the_clear(client, nurse):
    client.force_login(nurse)
    page = client.get("/account/second-factor").content.decode()
    shown = page.split('<p class="secret"><code>')[1].split("<")[0].replace(" ", "")
    assert len(shown) == 32
    assert shown not in str(dict(client.session))
    assert unseal(client.session["enrolling"]) == shown


def test_fallbacks_come_from_the_environment():
    told = Configuration.from_environment({"CARELOOP_SECRET_KEY_FALLBACKS": "one, two,"})
    assert told.secret_key_fallbacks == ("one", "two")
    assert Configuration.from_environment({}).secret_key_fallbacks == ()
