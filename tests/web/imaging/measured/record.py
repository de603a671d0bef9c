"""What the record holds of a woman's images."""

from __future__ import annotations

import polars as pl
from django.urls import reverse

from careloop.web.care.person.fact import standing as stands

NAMED = {"region-label_1": "radius", "region-label_2": "ulna"}


def address_of(row):
    """The page of an image."""
    return reverse("imaging:image", args=[row.resident.public_id, row.public_id])


def standing(gate, woman):
    """The measurements that stand."""
    return stands(gate.facts(woman)).filter(pl.col("variable").str.starts_with("radiomics_"))
