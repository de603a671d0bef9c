"""Second factors kept in the clear before are sealed."""

from django.db import migrations

from careloop.web.accounts.seal import seal, unseal


def seal_all(apps, editor):
    """Seal what is not sealed yet."""
    users = apps.get_model("accounts", "User").objects.using(editor.connection.alias)
    for user in users.exclude(totp_secret="").exclude(totp_secret__startswith="sealed:"):
        user.totp_secret = seal(user.totp_secret)
        user.save(update_fields=["totp_secret"])


def open_all(apps, editor):
    """Back to how it was."""
    users = apps.get_model("accounts", "User").objects.using(editor.connection.alias)
    for user in users.filter(totp_secret__startswith="sealed:"):
        user.totp_secret = unseal(user.totp_secret)
        user.save(update_fields=["totp_secret"])


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_resident_login")]
    operations = [migrations.RunPython(seal_all, open_all)]
