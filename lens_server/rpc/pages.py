"""Pages of exemplars."""

from lens_server.lens import Lens
from lens_server.rpc.limits import RequestFault, Violation
from lens_server.v1.exemplar_pb2 import Exemplar
from lens_server.v1.lens_service_pb2 import ListExemplarsRequest, ListExemplarsResponse
from lens_server.wire import to_message

DEFAULT_SIZE = 30


def exemplar_page(lens: Lens, request: ListExemplarsRequest, *, pictures: bool) -> ListExemplarsResponse:
    """The exemplars from the page token's rank on; unless told otherwise with images where the index has `pictures`."""
    start = _rank(request.page_token)
    stop = start + (request.page_size if request.HasField("page_size") else DEFAULT_SIZE)
    thumbnails = request.thumbnails if request.HasField("thumbnails") else pictures
    card = lens.neuron(request.neuron, exemplars=stop, thumbnails=thumbnails, similar=0)
    page = [to_message(each, Exemplar) for each in card.exemplars[start:]]
    is_last = stop >= card.neuron.exemplar_count
    return ListExemplarsResponse(exemplars=page, next_page_token="" if is_last else str(stop))


def _rank(page_token: str) -> int:
    if not page_token:
        return 0
    if not (page_token.isascii() and page_token.isdigit() and len(page_token) <= 6):
        raise RequestFault(
            Violation("page_token", "is no token of this server"), hint="Send next_page_token of the page before."
        )
    return int(page_token)
