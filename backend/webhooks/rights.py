"""Who may be told: asked again whenever something is told, sent or decided, for rights are lost."""

from backend.accounts.models import Account
from backend.core.errors import NotAllowed
from backend.webhooks.models import WebhookEndpoint

LISTEN = "webhooks.listen_market"


def may_listen(account: Account) -> bool:
    """Whether an account may be told of the whole market."""
    return account.is_staff and account.has_perm(LISTEN)


def check(endpoint: WebhookEndpoint) -> None:
    """That the owner of a market endpoint may still be told of the whole market.

    :raises NotAllowed: they may not.
    """
    if endpoint.scope == WebhookEndpoint.Scope.MARKET and not may_listen(endpoint.account):
        raise NotAllowed(f"The whole market needs {LISTEN}.")


# The same of many endpoints `e` in one statement; where a shop was sold, its endpoint as well.
OWNERS = """JOIN accounts_account a ON a.id = e.account_id
    LEFT JOIN shops_shop s ON s.id = e.shop_id"""
SEES = """a.is_active AND CASE e.scope WHEN 'shop' THEN s.account_id = e.account_id
    WHEN 'market' THEN a.is_staff AND (a.is_superuser OR EXISTS (
        SELECT 1 FROM auth_permission p JOIN django_content_type t ON t.id = p.content_type_id
        WHERE t.app_label = 'webhooks' AND p.codename = 'listen_market' AND (
            EXISTS (SELECT 1 FROM accounts_account_user_permissions u
                WHERE u.account_id = a.id AND u.permission_id = p.id)
            OR EXISTS (SELECT 1 FROM accounts_account_groups m
                JOIN auth_group_permissions r ON r.group_id = m.group_id
                WHERE m.account_id = a.id AND r.permission_id = p.id))))
    ELSE true END"""
