"""Account 账号: one kind of account for everybody; what it may do are capabilities."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.crypto import salted_hmac

HANDLE = RegexValidator(
    r"\A[a-z0-9][a-z0-9_.]{2,29}\Z", "3 to 30 characters of a-z, 0-9, dot and underscore."
)


class AccountManager(BaseUserManager["Account"]):
    """Creates accounts with hashed passwords."""

    def create_user(self, handle: str, password: str | None = None, **fields: Any) -> "Account":
        """An ordinary account; `handle` is folded to lower case."""
        account = self.model(handle=handle.lower(), **fields)
        account.set_password(password)
        account.save(using=self._db, force_insert=True)
        return account

    def create_superuser(
        self, handle: str, password: str | None = None, **fields: Any
    ) -> "Account":
        """An account that may do everything in the admin."""
        fields.setdefault("display_name", handle)
        return self.create_user(handle, password, is_staff=True, is_superuser=True, **fields)


class Account(AbstractBaseUser, PermissionsMixin):
    """A person or a brand. Shop owner, buyer 买手 and promoter 推客 are capabilities of the same
    account (A2); no rule but the goods-note application reads `follower_count` (A3)."""

    class Gender(models.TextChoices):
        UNSTATED = "", "unstated 未填"
        FEMALE = "f", "female 女"
        MALE = "m", "male 男"

    class Verification(models.TextChoices):
        NONE = "none", "none 未认证"
        CREATOR = "creator", "creator 创作者"
        CELEBRITY = "celebrity", "celebrity 名人"
        BRAND = "brand", "brand 品牌"

    handle = models.CharField(max_length=30, unique=True, validators=[HANDLE])
    display_name = models.CharField(max_length=40)
    bio = models.CharField(max_length=200, default="", blank=True)
    city_code = models.CharField(max_length=6, default="", blank=True, help_text="GB/T 2260")
    birth_year = models.PositiveSmallIntegerField(null=True, blank=True)
    gender = models.CharField(max_length=1, choices=Gender, default="", blank=True)
    phone = models.CharField(max_length=20, default="", blank=True)
    verification = models.CharField(max_length=9, choices=Verification, default=Verification.NONE)
    real_name_verified_at = models.DateTimeField(null=True, blank=True)
    follower_count = models.PositiveIntegerField(default=0)
    following_count = models.PositiveIntegerField(default=0)
    note_count = models.PositiveIntegerField(default=0)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    joined_at = models.DateTimeField(auto_now_add=True)
    sessions_ended = models.PositiveIntegerField(
        default=0,
        db_default=0,
        help_text="how often everybody signed in as this account was signed out",
    )
    erased_at = models.DateTimeField(
        null=True, blank=True, help_text="when everything about the person was taken out"
    )

    objects: ClassVar[AccountManager] = AccountManager()

    USERNAME_FIELD = "handle"
    REQUIRED_FIELDS = ["display_name"]

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(handle__regex=r"^[a-z0-9][a-z0-9_.]{2,29}$"), name="account_handle"
            ),
        ]
        indexes = [models.Index(fields=["phone"], name="account_phone", condition=~Q(phone=""))]
        permissions = [
            ("erase_account", "Can take everything about a person out of the house"),
            ("reset_password", "Can give a code with which a forgotten password is set anew"),
        ]
        verbose_name = "account 账号"
        verbose_name_plural = "accounts 账号"

    def __str__(self) -> str:
        return f"{self.display_name} @{self.handle}"

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Sessions carry it and end when it changes: with the password, and with
        `sessions_ended`."""
        plain: str = super()._get_session_auth_hash(secret=secret)  # type: ignore[misc]
        if not self.sessions_ended:
            return plain
        salt = "backend.accounts.sessions_ended"
        value = f"{plain}{self.sessions_ended}"
        return salted_hmac(salt, value, secret=secret, algorithm="sha256").hexdigest()

    def get_full_name(self) -> str:
        """The name that people see."""
        return self.display_name

    def get_short_name(self) -> str:
        """The name that people see."""
        return self.display_name
