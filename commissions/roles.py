"""The staff's groups: who may prepare, who may approve, who may only look."""

from django.contrib.auth.models import Group, Permission
from django.db import transaction

ROOMS = ["core", "accounts", "shops", "notes", "commissions", "webhooks"]
_DESK = [
    "view_payout",
    "view_payoutbatch",
    "view_payoutattempt",
    "view_payeeaccount",
    "view_ledgeraccount",
    "view_journal",
    "view_settlementperiod",
    "view_settlementrule",
    "view_settlementrun",
    "view_statement",
    "view_sandboxtransfer",
    "view_writeoff",
    "view_payoutnotice",
    "view_reconciliation",
    "view_reconciliationline",
    "view_sandboxscript",
    "view_attributiondispute",
    "view_attributionoverride",
    "view_sealedjournal",
    "view_booksarchive",
    "view_payoutrule",
    "view_taxtable",
    "view_taxidentity",
    "view_taxwithholding",
    "view_taxfiling",
    "view_taxremittance",
]
# Looks at the books and takes them along; touches nothing.
_AUDIT = [
    "view_ledgeraccount",
    "view_journal",
    "view_sealedjournal",
    "view_booksarchive",
    "view_auditentry",
    "view_rowchange",
    "export_books",
]
# What nobody needs to see to answer a customer.
_NOT_FOR_SUPPORT = ["view_accesstoken", "view_idempotencykey"]
GROUPS = {
    "payout_maker": [
        *_DESK,
        "prepare_payout",
        "hold_payout",
        "propose_override",
        "request_writeoff",
        "file_tax",
        "record_remittance",
    ],
    "payout_approver": [
        *_DESK,
        "approve_payout",
        "hold_payout",
        "approve_override",
        "approve_writeoff",
        "approve_remittance",
        "restate_settlementperiod",
        "sign_reconciliation",
    ],
    "auditor": _AUDIT,
}
SUPPORT = "support_readonly"
# Whoever holds one of these signs in with a second factor, unless it is off altogether.
MONEY_RIGHTS = (
    "commissions.prepare_payout",
    "commissions.approve_payout",
    "commissions.request_writeoff",
    "commissions.approve_writeoff",
    "commissions.sign_reconciliation",
    "commissions.hold_payout",
    "commissions.publish_payoutrule",
    "commissions.file_tax",
    "commissions.record_remittance",
    "commissions.approve_remittance",
    "commissions.unmask_payeeaccount",
    "commissions.unmask_taxidentity",
    "commissions.change_commissionorder",
    "commissions.change_planversion",
    "commissions.change_riskcase",
    "commissions.change_bounty",
    "commissions.change_conversionsource",
    "commissions.propose_override",
    "commissions.approve_override",
    "commissions.add_settlementrule",
    "commissions.restate_settlementperiod",
    "webhooks.listen_market",
    "webhooks.change_webhookendpoint",
    "commissions.export_books",
)


def set_up_roles() -> list[str]:
    """Makes the groups payout_maker, payout_approver, auditor and support_readonly, or gives them
    again exactly the permissions they are meant to have; returns their names."""
    ours = Permission.objects.filter(content_type__app_label__in=ROOMS)
    with transaction.atomic():
        for name, wanted in GROUPS.items():
            group, _ = Group.objects.get_or_create(name=name)
            group.permissions.set(
                ours.filter(
                    content_type__app_label__in=["core", "commissions"], codename__in=wanted
                )
            )
        support, _ = Group.objects.get_or_create(name=SUPPORT)
        support.permissions.set(
            ours.filter(codename__startswith="view_").exclude(codename__in=_NOT_FOR_SUPPORT)
        )
    return [*GROUPS, SUPPORT]
