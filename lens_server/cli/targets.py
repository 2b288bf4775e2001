"""TARGET: an index folder, or an index behind a server."""

from lens_client import LensClient
from lens_server.lens import Lens


def is_served(target: str) -> bool:
    """The target is behind a server."""
    return target.startswith("grpc://")


def open_target(target: str, *, trust_pickle: bool = False) -> Lens | LensClient:
    """Open a folder, or `grpc://host:port[/index]`; both answer the same questions alike."""
    if is_served(target):
        return LensClient(target)
    return Lens.open(target, trust_pickle=trust_pickle)
