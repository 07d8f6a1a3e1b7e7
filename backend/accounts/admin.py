"""Staff pages of accounts: people, their tokens, and the staff's own groups."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.decorators import action, display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from backend.accounts import tokens
from backend.accounts.models import AccessToken, Account
from backend.core import audit
from backend.core.clock import now
from backend.core.staff import ReadOnly, StaffAdmin, attempt

admin.site.unregister(Group)


@admin.register(Group)
class StaffGroupAdmin(GroupAdmin, StaffAdmin):
    """Groups of staff; `manage.py set_up_roles` makes those of the finance desk."""


@admin.register(Account)
class AccountAdmin(UserAdmin, StaffAdmin):
    """People. Names and figures are theirs; staff switch accounts off and on, and superusers say
    who is staff."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = [
        "handle",
        "display_name",
        "city_code",
        "verification",
        "follower_count",
        "is_staff",
        "is_active",
        "joined_at",
    ]
    list_filter = ["is_staff", "is_active", "verification"]
    search_fields = ["handle", "display_name", "=phone"]
    ordering = ["-id"]
    fieldsets = [
        (None, {"fields": ["handle", "password"]}),
        ("Profile 资料", {"fields": ["display_name", "bio", "city_code", "verification"]}),
        ("Figures 数据", {"fields": ["follower_count", "following_count", "note_count"]}),
        ("Rights 权限", {"fields": ["is_active", "is_staff", "is_superuser", "groups"]}),
        ("Times 时间", {"fields": ["joined_at", "last_login", "real_name_verified_at"]}),
    ]
    add_fieldsets = [(None, {"fields": ["handle", "display_name", "password1", "password2"]})]
    filter_horizontal = ["groups"]
    facts = [
        "follower_count",
        "following_count",
        "note_count",
        "joined_at",
        "last_login",
        "real_name_verified_at",
    ]
    rights = ["is_staff", "is_superuser", "groups"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Only a superuser hands out rights: nobody may promote themselves."""
        if obj is None or request.user.is_superuser:
            return self.facts
        return [*self.facts, *self.rights]

    def has_change_permission(self, request: HttpRequest, obj: Account | None = None) -> bool:
        """Accounts of staff are changed by superusers alone."""
        allowed = bool(super().has_change_permission(request, obj))
        return allowed and (obj is None or not obj.is_staff or request.user.is_superuser)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:
        """Setting somebody's password is for superusers."""
        if not request.user.is_superuser:
            raise PermissionDenied
        return super().user_change_password(request, id, form_url)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """An account with a history is switched off, never deleted."""
        return False

    def save_model(self, request: HttpRequest, obj: Account, form: ModelForm, change: bool) -> None:
        """Stores the account, with an audit row of what was changed."""
        super().save_model(request, obj, form, change)
        audit.note(
            actor=request.user,
            action="account.change" if change else "account.add",
            target=obj,
            at=now(),
            fields=sorted(set(form.changed_data) - {"password1", "password2"}),
        )


@admin.register(AccessToken)
class AccessTokenAdmin(ReadOnly, StaffAdmin):
    """Bearer tokens; the database holds only digests. Revoke what has leaked."""

    list_display = ["prefix", "account", "label", "created_at", "expires_at", "living"]
    list_select_related = ["account"]
    search_fields = ["=prefix", "account__handle"]
    ordering = ["-id"]
    fields = ["prefix", "account", "label", "created_at", "expires_at", "revoked_at"]
    actions = ["revoke"]

    @display(description="valid", boolean=True)
    def living(self, row: AccessToken) -> bool:
        """Neither revoked nor past its day."""
        return row.revoked_at is None and row.expires_at > now()

    def has_revoke_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Django's change permission of tokens, for this action alone."""
        return bool(request.user.has_perm("accounts.change_accesstoken"))

    @action(description="Revoke 吊销", permissions=["revoke"])
    def revoke(self, request: HttpRequest, rows: Any) -> None:
        """Ends the selected tokens at once."""
        for token in rows.select_related("account").order_by("pk")[:1000]:
            act = partial(tokens.revoke, token_id=token.pk, account=token.account, at=now())
            attempt(request, act, f"{token} is revoked.")
