"""Staff pages of accounts: people, their tokens, and the staff's own groups. Whoever changes what
staff may do shows their code again."""

from functools import partial
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from unfold.decorators import action, display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from backend.accounts import erasure, passwords, resets, second_factor, signin, tokens
from backend.accounts.admin import own
from backend.accounts.models import AccessToken, Account, Authenticator
from backend.core import audit, fresh
from backend.core.asking import Question, ask
from backend.core.clock import now
from backend.core.deciding import Asking, Decision, Reasoned
from backend.core.staff import ReadOnly, StaffAdmin, attempt

admin.site.unregister(Group)


@admin.register(Group)
class StaffGroupAdmin(GroupAdmin, StaffAdmin):
    """Groups of staff; `manage.py set_up_roles` makes those of the finance desk. A group is a set
    of rights: superusers alone change one, with a code shown lately."""

    def _may(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser) and not fresh.is_due(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Superusers."""
        return self._may(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers."""
        return self._may(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers."""
        return self._may(request)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list, with the way to a code where one is due."""
        _ask_for_code(request)
        return super().changelist_view(request, extra_context)

    def save_model(self, request: HttpRequest, obj: Group, form: ModelForm, change: bool) -> None:
        """Stores the group, with an audit row."""
        super().save_model(request, obj, form, change)
        audit.note(
            actor=request.user,
            action="group.change" if change else "group.add",
            target=obj,
            at=now(),
            fields=sorted(form.changed_data),
        )


RESET = Decision(
    title="Reset second factor 重置两步验证",
    done="has no second factor now; the next sign-in sets up a new one",
    act=lambda row, by, why, at: second_factor.reset(account=row, by=by, reason=why, at=at),
    needs_reason=True,
    needs_code=True,
)
LEAVE = Decision(
    title="Sign out everywhere 全部退出",
    done="is signed out everywhere",
    act=lambda row, by, why, at: signin.end_everything(account=row, by=by, reason=why, at=at),
    needs_reason=True,
)


ERASE = Decision(
    title="Erase 注销",
    done="is erased; orders and books stay without a name",
    act=lambda row, by, why, at: erasure.erase(account_id=row.pk, by=by, reason=why, at=at),
    needs_reason=True,
    needs_code=True,
)
RESET_CODE = Question(
    title="Code for a forgotten password 重置码",
    note="Only for whom you have recognised: say how. The code is shown this once, is good for one "
    "new password within the hour, and does not replace a second factor.",
    form=Reasoned,
    needs_code=True,
)


def _ask_for_code(request: HttpRequest) -> None:
    """Says that rights cannot be changed before a code is shown, and where that is done."""
    if request.method == "GET" and request.user.is_superuser and fresh.is_due(request):
        where = f"{reverse('admin:my_sign_in_again')}?{urlencode({'next': request.path})}"
        text = 'Rights can be changed after <a class="underline" href="{}">your code 验证码</a>.'
        messages.info(request, format_html(text, where))


@admin.register(Account)
class AccountAdmin(UserAdmin, Asking):
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
    # Not by phone: what is looked for stands in the address, and so in histories and logs.
    search_fields = ["handle", "display_name"]
    ordering = ["-id"]
    fieldsets = [
        (None, {"fields": ["handle", "password"]}),
        ("Profile 资料", {"fields": ["display_name", "bio", "city_code", "verification"]}),
        ("Figures 数据", {"fields": ["follower_count", "following_count", "note_count"]}),
        ("Rights 权限", {"fields": ["is_active", "is_staff", "is_superuser", "groups"]}),
        ("Times 时间", {"fields": ["joined_at", "last_login", "real_name_verified_at"]}),
        ("Sign-in 登录", {"fields": ["factor", "sessions_ended"]}),
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
        "factor",
        "sessions_ended",
    ]
    actions_detail = ["reset_code", "leave_everywhere", "reset_factor", "erase"]
    rights = ["is_staff", "is_superuser", "groups"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Only a superuser who has shown a code lately hands out rights: nobody may promote
        themselves."""
        if obj is None or (request.user.is_superuser and not fresh.is_due(request)):
            return self.facts
        return [*self.facts, *self.rights]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The page, with the way to a code where one is due."""
        _ask_for_code(request)
        return super().change_view(request, object_id, form_url, extra_context)

    @display(description="second factor 两步验证")
    def factor(self, row: Account) -> str:
        """Since when there is one."""
        device = Authenticator.objects.filter(user=row, confirmed=True).first()
        return f"since {device.created_at:%Y-%m-%d}" if device else "none"

    def has_superuser_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers."""
        return bool(request.user.is_superuser)

    @action(description=RESET.title, permissions=["superuser"])
    def reset_factor(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """For staff who have lost their phone."""
        return self.decide_one(request, object_id, RESET)

    def has_reset_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A right of its own; the verb knows for whom."""
        return bool(request.user.has_perm(resets.GIVE))

    def has_erase_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A right of its own."""
        return bool(request.user.has_perm(erasure.ERASE))

    @action(description=RESET_CODE.title, permissions=["reset"])
    def reset_code(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """For people who have forgotten their password."""

        def give(row: Account, form: Reasoned) -> list[tuple[str, str]]:
            by, reason = cast(Account, request.user), form.cleaned_data["reason"]
            code = resets.give(account_id=row.pk, by=by, reason=reason, at=now())
            return [("Handle", row.handle), ("Code 重置码", code)]

        return ask(self, request, object_id, RESET_CODE, give)

    @action(description=ERASE.title, permissions=["erase"])
    def erase(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """For people who leave for good."""
        return self.decide_one(request, object_id, ERASE)

    @action(description=LEAVE.title, permissions=["superuser"])
    def leave_everywhere(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ends every session and every token of the account on the page."""
        return self.decide_one(request, object_id, LEAVE)

    def has_change_permission(self, request: HttpRequest, obj: Account | None = None) -> bool:
        """Accounts of staff are changed by superusers alone."""
        allowed = bool(super().has_change_permission(request, obj))
        return allowed and (obj is None or not obj.is_staff or request.user.is_superuser)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:
        """Setting somebody's password is for superusers who have shown a code lately."""
        if not request.user.is_superuser:
            raise PermissionDenied
        if fresh.is_due(request):
            return own.ask_again(request)
        return super().user_change_password(request, id, form_url)

    def log_change(self, request: HttpRequest, obj: Account, message: Any) -> Any:
        """After somebody's password was set: their sessions and tokens end, with an audit row."""
        if getattr(request.resolver_match, "url_name", "") == "auth_user_password_change":
            passwords.note_given(account=obj, by=cast(Account, request.user), at=now())
        return super().log_change(request, obj, message)

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
