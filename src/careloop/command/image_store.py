"""Measurements into a store of facts: whose they are, image by image."""

from __future__ import annotations

from collections import Counter

from careloop.imaging.measurement import Measurement
from careloop.imaging.measuring import finding
from careloop.imaging.measuring.facts import MeasurementReading
from careloop.imaging.measuring.result import Measured
from careloop.records.store import FactStore


class FactKeeper:
    """Stores the facts of each image, all its regions at once, whole or not at all.

    A person is who the file says (DICOM PatientID), as the sender's own id; `person` says it for
    files that do not, or where the person is known here by another id. That is one person: where
    the files name several, nothing of them is stored.

    Parameters
    ----------
    store
        Where facts go.
    person
        Whose images these are; empty where the files say it.
    """

    def __init__(self, store: FactStore, person: str = "") -> None:
        self._store, self._person = store, person.strip()
        self._open: list[Measured] = []
        self._held: list[list[Measured]] = []
        self.facts = self.known = self.images = 0
        self.unkept: Counter[str] = Counter()

    def take(self, one: Measured) -> None:
        """Take a result; the regions of one image come one after the other."""
        if self._open and self._open[-1].image.origin != one.image.origin:
            self._close()
        self._open.append(one)

    def finish(self) -> None:
        """Store what is still held."""
        if self._open:
            self._close()
        named = {image[0].image.subject.person_id for image in self._held} - {""}
        if len(named) > 1:
            self.unkept[finding.OTHER_PERSONS] += len(self._held)
        else:
            for image in self._held:
                self._keep(image, self._person)
        self._held = []

    def _close(self) -> None:
        image, self._open = self._open, []
        if self._person:  # only at the end is it known whether the files name one person
            self._held.append(image)
        else:
            self._keep(image, image[0].image.subject.person_id)

    def _keep(self, image: list[Measured], person: str) -> None:
        if not person:
            self.unkept[finding.NO_PERSON] += 1
            return
        if image[0].image.taken_at is None:
            self.unkept[finding.NO_DATE] += 1
            return
        found: list[Measurement] = [each for one in image for each in one.measurements()]
        if not found:
            return
        added = self._store.add(MeasurementReading(found, person_id=person))
        self.facts += added.new_facts
        self.known += added.known_facts
        self.images += 1
