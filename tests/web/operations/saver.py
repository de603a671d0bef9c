"""Saves visits and says of each when it was acknowledged; killed by test_power_loss."""

import sys
from uuid import UUID

import django

django.setup()

from django.utils import timezone  # noqa: E402

from careloop.web.accounts.gate import Gate  # noqa: E402
from careloop.web.accounts.models import User  # noqa: E402
from careloop.web.care.recording import Contact, record_visit  # noqa: E402
from careloop.web.care.standing import bedside  # noqa: E402

gate = Gate(User.objects.get(username="nurse"))
people = list(gate.residents().order_by("pk"))
bedside()
sys.stdout.write("ready\n")
sys.stdout.flush()
for line in sys.stdin:
    number = int(line)
    contact = Contact(
        kind="home",
        happened_on=timezone.localdate(),
        answers={"weight_kg": 40 + number / 10, "falls_12m": number % 3},
    )
    visit = record_visit(gate, people[number % len(people)], contact, request_key=UUID(int=number))
    sys.stdout.write(f"{number} {visit.public_id}\n")
    sys.stdout.flush()
