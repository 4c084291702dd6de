"""HTTP/1.1 and 1.0, the server's end, without I/O: requests in, responses out.

A server reads, answers what is complete, and closes after an error or the connection's last message:

    decoder = Decoder()
    while data := connection.recv(65536):
        for event in decoder.feed(data):
            match event:
                case Request(): ...        # then Data, any number of times
                case EndOfMessage():
                    body = b"hello"
                    head = encode_head(200, [(b"Content-Type", b"text/plain")], framing=Framing.LENGTH, length=len(body))
                    connection.sendall(head + body)
        if decoder.error:
            connection.sendall(encode_head(decoder.error.status, framing=Framing.LENGTH, connection=Connection.CLOSE))
        if decoder.error or decoder.finished:
            break
"""

from penstock._http1 import (
    Connection,
    Data,
    Decoder,
    EndOfMessage,
    Framing,
    Request,
    encode_chunk,
    encode_date,
    encode_head,
    reason,
)
from penstock.errors import ProtocolError

__all__ = [
    "Connection",
    "Data",
    "Decoder",
    "EndOfMessage",
    "Event",
    "Framing",
    "ProtocolError",
    "Request",
    "encode_chunk",
    "encode_date",
    "encode_head",
    "reason",
]

Event = Request | Data | EndOfMessage
