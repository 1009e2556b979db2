"""Makes whole WebSocket messages, as ASGI wants them, of picows' frames."""

from __future__ import annotations

from typing import Any, Protocol

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSProtocolError, WSTransport

Message = dict[str, Any]


class Receiver(Protocol):
    def put(self, message: Message) -> None: ...
    def lost(self, code: int, reason: str) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


class Messages(WSListener):
    """picows' callbacks. A client that breaks the protocol is closed with the code RFC 6455 has for it."""

    def __init__(self, receiver: Receiver, max_bytes: int) -> None:
        """`max_bytes`: of one message. picows limits single frames."""
        self.transport: WSTransport
        self._receiver = receiver
        self._max_bytes = max_bytes
        self._begun = WSMsgType.CONTINUATION
        """The type of the message that comes in several frames now; CONTINUATION when none does."""
        self._data = bytearray()

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            raise WSProtocolError(WSCloseCode.PROTOCOL_ERROR, "a reserved bit without an extension")
        if kind == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()
        elif kind in (WSMsgType.BINARY, WSMsgType.TEXT):
            if self._begun != WSMsgType.CONTINUATION:
                raise WSProtocolError(WSCloseCode.PROTOCOL_ERROR, "a message within a message")
            if frame.fin:
                self._deliver(kind, frame.get_payload_as_bytes())
            else:
                self._begun = kind
                self._data += frame.get_payload_as_memoryview()
        elif kind == WSMsgType.CONTINUATION:
            self._continue(frame)

    def _continue(self, frame: WSFrame) -> None:
        if self._begun == WSMsgType.CONTINUATION:
            raise WSProtocolError(WSCloseCode.PROTOCOL_ERROR, "the end of a message without its beginning")
        if len(self._data) + frame.payload_size > self._max_bytes:
            raise WSProtocolError(WSCloseCode.MESSAGE_TOO_BIG, "the message is too long")
        self._data += frame.get_payload_as_memoryview()
        if frame.fin:
            self._deliver(self._begun, bytes(self._data))
            self._begun = WSMsgType.CONTINUATION
            self._data.clear()

    def _deliver(self, kind: WSMsgType, data: bytes) -> None:
        if kind == WSMsgType.BINARY:
            return self._receiver.put({"type": "websocket.receive", "bytes": data})
        try:
            return self._receiver.put({"type": "websocket.receive", "text": data.decode()})
        except UnicodeDecodeError:
            raise WSProtocolError(WSCloseCode.INVALID_TEXT, "text must be UTF-8") from None

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        ends = transport.close_handshake
        said = ends and (ends.recv or ends.sent)
        self._receiver.lost(said.code.value or 1005 if said else 1006, said.reason if said else "")

    def pause_writing(self) -> None:
        self._receiver.pause_writing()

    def resume_writing(self) -> None:
        self._receiver.resume_writing()
