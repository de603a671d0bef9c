"""The database itself refuses to change or delete what the audit holds."""

from django.db import migrations

_TABLES = ("audit_entry", "audit_concerned")
_WORDS = "entries of the audit are never changed or deleted"


def forbid(apps, editor):
    """Add a trigger for each table and way of changing it."""
    if editor.connection.vendor == "postgresql":
        editor.execute(
            "CREATE FUNCTION audit_stands() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_WORDS}'; END $$"
        )
    for table in _TABLES:
        for way in ("UPDATE", "DELETE"):
            name = f"{table}_no_{way.lower()}"
            if editor.connection.vendor == "postgresql":
                editor.execute(
                    f"CREATE TRIGGER {name} BEFORE {way} ON {table} "
                    "FOR EACH ROW EXECUTE FUNCTION audit_stands()"
                )
            else:
                editor.execute(
                    f"CREATE TRIGGER {name} BEFORE {way} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END"
                )
    # TRUNCATE asks no trigger of rows; and SQLite's INSERT OR REPLACE none of deletion.
    for table, key in zip(_TABLES, ("number", "id"), strict=True):
        if editor.connection.vendor == "postgresql":
            editor.execute(
                f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION audit_stands()"
            )
        else:
            same = f"{key} = NEW.{key}"
            if table == "audit_entry":
                same += " OR digest = NEW.digest"
            editor.execute(
                f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
                f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) "
                f"BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END"
            )


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [migrations.RunPython(forbid, migrations.RunPython.noop)]
