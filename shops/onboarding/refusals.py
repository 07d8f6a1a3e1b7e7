"""What applying for a shop and running one may be refused for."""

from backend.core.errors import Refusal
from backend.core.texts import is_blank


class ShopExists(Refusal):
    """The account has a shop; an account has at most one."""

    code = "shop_exists"
    status = 409
    title = "This account has a shop already"


class ApplicationOpen(Refusal):
    """The account has an application that is not approved yet; change and submit that one."""

    code = "application_open"
    status = 409
    title = "An application of this account is open already"


class ShopNameTaken(Refusal):
    """Another shop has this name, apart from case, width and spaces."""

    code = "shop_name_taken"
    status = 422
    title = "Another shop has this name"


class LicenceRequired(Refusal):
    """Everybody but an individual needs a business licence number (B5)."""

    code = "licence_required"
    status = 422
    title = "A business licence number is required"


class LicenceInvalid(Refusal):
    """The number is not a unified social credit code 统一社会信用代码 (GB 32100)."""

    code = "licence_invalid"
    status = 422
    title = "The licence number is not a unified social credit code"


class DocumentExists(Refusal):
    """The application holds a document of this kind and number already."""

    code = "document_exists"
    status = 409
    title = "The application holds this document already"


class DocumentExpired(Refusal):
    """The document's last day has passed."""

    code = "document_expired"
    status = 422
    title = "The document has expired"


class TooManyDocuments(Refusal):
    """An application holds at most 20 documents."""

    code = "too_many_documents"
    status = 409
    title = "An application holds at most 20 documents"


class ReasonRequired(Refusal):
    """This decision is told to somebody, so it needs a reason."""

    code = "reason_required"
    status = 422
    title = "A reason is required"


def need_reason(reason: str) -> None:
    """Refuses a decision without a reason.

    :raises ReasonRequired: nothing visible was written.
    """
    if is_blank(reason):
        raise ReasonRequired(fields={"reason": ["Say why."]})
