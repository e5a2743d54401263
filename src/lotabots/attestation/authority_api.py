"""HTTP by which an agent learns the certificate of the CA whose key its enrolment token names."""

from litestar import Response, get

from lotabots.attestation.enrolment_tokens import EnrolmentTokens
from lotabots.runtime.web import PUBLIC, RateClass, limited

PEM = "application/x-pem-file"


@get("/.well-known/lotabots-ca", opt={**PUBLIC, **limited(RateClass.PUBLIC)}, media_type=PEM)
async def show_authority(enrolment_tokens: EnrolmentTokens) -> Response[bytes]:
    """The CA of this server's HTTPS certificate, in PEM. 409 where no setting names one.

    Nobody believes it for being said here: an agent holds its key against the one in its token.
    """
    return Response(enrolment_tokens.authority(), media_type=PEM)


HANDLERS = (show_authority,)
