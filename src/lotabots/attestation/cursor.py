"""Where a page of rows ended, as clients carry it to ask for the next one."""

from datetime import datetime
from uuid import UUID

import msgspec

from lotabots.kernel import (
    LotaError,
    decode_base64url,
    encode_base64url,
    format_time,
    invalid,
    parse_time,
)


class Cursor(msgspec.Struct, frozen=True):
    """The last row of a page, newest first: what the next page comes after."""

    created_at: datetime
    id: UUID

    @property
    def place(self) -> tuple[datetime, UUID]:
        """What the database orders rows by."""
        return self.created_at, self.id

    def text(self) -> str:
        """The cursor as clients carry it, opaque to them."""
        return encode_base64url(f"{format_time(self.created_at)}/{self.id}".encode())

    @classmethod
    def read(cls, text: str) -> "Cursor":
        """The cursor of this text. Raises `CURSOR_MALFORMED`."""
        try:
            moment, _, last = decode_base64url(text).decode("ascii").partition("/")
            return cls(parse_time(moment), UUID(last))
        except (LotaError, ValueError) as error:
            raise invalid("CURSOR_MALFORMED", "This cursor is not one of ours.") from error
