"""Where a server is and which of its indexes is meant."""

from dataclasses import dataclass

from lens_client.errors import LensServerError

SCHEME = "grpc://"


@dataclass(frozen=True)
class Address:
    """A server and one of its indexes."""

    target: str
    """`host:port`."""
    index: str
    """Empty: the only one served."""


def parse(address: str, index: str = "") -> Address:
    """Read `host:port` or `grpc://host:port[/index]`; `index` must agree with the address's own."""
    target, _, named = address.removeprefix(SCHEME).partition("/")
    host, colon, port = target.rpartition(":")
    if not (host and colon and port.isdigit()):
        hint = "Write host:port or grpc://host:port/index"
        raise LensServerError(f"{address!r} is no address of a server.", hint, "INVALID_ARGUMENT")
    if index and named and index != named:
        raise LensServerError(
            f"The address names index {named!r}, the argument {index!r}.", "Name it once.", "INVALID_ARGUMENT"
        )
    return Address(target, index or named)
