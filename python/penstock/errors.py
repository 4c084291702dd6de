"""What the codecs raise, or keep beside the events they return. A leaf: every module may import it."""


class ProtocolError(Exception):
    """A message broke its protocol or a limit: a peer's on its way in, or the caller's on its way out.

    The codes, statuses and texts are those of the core's one list (csrc/base/err.h).
    """

    code: str  # the name in that list: "PS_EFIELD"
    status: int  # the HTTP status that answers it; 0 where nothing can be answered
    text: str  # for the operator: "malformed header field"

    def __init__(self, code: str, status: int, text: str) -> None:
        super().__init__(code, status, text)
        self.code = code
        self.status = status
        self.text = text

    def __str__(self) -> str:
        return f"{self.text} ({self.code})"
