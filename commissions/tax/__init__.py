"""Income tax withheld from payouts 代扣个人所得税: who a payee is, what is withheld by which table,
the yearly certificate and the monthly filing. The arithmetic is commissions/withholding.py."""

from commissions.tax.filings import (
    FILE,
    AlreadyFiled,
    MonthNotOver,
    ReceiptMissing,
    export,
    file_month,
    months,
    months_to_file,
)
from commissions.tax.identities import (
    UNMASK,
    BadIdentity,
    IdentityTaken,
    clear,
    identify,
    identity_of,
    reseal,
    retire,
    unmask,
)
from commissions.tax.records import Certificate, certificate, years_of
from commissions.tax.tables import TableNotPossible, publish_table, table_at
from commissions.tax.withholdings import Tax, TaxIdentityMissing, fix, look, taxpayer_of

__all__ = [
    "FILE",
    "UNMASK",
    "AlreadyFiled",
    "BadIdentity",
    "Certificate",
    "IdentityTaken",
    "MonthNotOver",
    "ReceiptMissing",
    "TableNotPossible",
    "Tax",
    "TaxIdentityMissing",
    "certificate",
    "clear",
    "export",
    "file_month",
    "fix",
    "identify",
    "identity_of",
    "look",
    "months",
    "months_to_file",
    "publish_table",
    "reseal",
    "retire",
    "table_at",
    "taxpayer_of",
    "unmask",
    "years_of",
]
