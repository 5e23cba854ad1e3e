"""A pydantic model that the tests check values against."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, field_validator


class Item(BaseModel):
    """One line of an order."""

    name: str
    price: float | Literal["free"]


class Order(BaseModel):
    """An order."""

    id: int
    day: date
    items: list[Item] = []
    note: str = ""

    @field_validator("note")
    @classmethod
    def _polite(cls, note: str) -> str:
        if "damn" in note:
            raise ValueError("be polite")
        if note == "break":
            raise RuntimeError("secret")
        return note
