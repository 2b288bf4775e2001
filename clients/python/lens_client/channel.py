"""How both clients use their channel."""

from typing import Any

from lens_client.calls import Call

RESPONSE_BYTES = 64 * 2**20
OPTIONS = (("grpc.max_receive_message_length", RESPONSE_BYTES),)


class Methods:
    """The channel's callables, made once each."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def get(self, call: Call[Any], make: Any) -> Any:
        """The callable of a question; `make` is the channel's `unary_unary` or `unary_stream`."""
        if call.method not in self._made:
            self._made[call.method] = make(
                call.method,
                request_serializer=type(call.request).SerializeToString,
                response_deserializer=call.response_type.FromString,
            )
        return self._made[call.method]
