"""Ask a Lens server: `LensClient` and `AsyncLensClient`, with the verbs and the answers of `lens_server.lens.Lens`."""

from lens_client.asynchronous import AsyncLensClient
from lens_client.auditing import AuditProgress
from lens_client.errors import LensServerError
from lens_client.synchronous import LensClient

__all__ = ["AsyncLensClient", "AuditProgress", "LensClient", "LensServerError"]
