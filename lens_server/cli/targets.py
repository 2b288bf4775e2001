"""TARGET: an index folder, or an index behind a server."""

from lens_client import LensClient
from lens_server.lens import Lens


def open_target(target: str, *, trust_pickle: bool = False) -> Lens | LensClient:
    """Open a folder, or `grpc://host:port[/index]`; both answer the same questions alike."""
    if target.startswith("grpc://"):
        return LensClient(target)
    return Lens.open(target, trust_pickle=trust_pickle)
