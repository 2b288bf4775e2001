"""How both clients open their channel."""

RESPONSE_BYTES = 64 * 2**20
OPTIONS = (("grpc.max_receive_message_length", RESPONSE_BYTES),)
