"""What the accounts' doors read and answer."""

from rest_framework import serializers

from backend.accounts.models import AccessToken, Account, Address
from backend.accounts.models.account import HANDLE
from backend.rest.fields import Flag, Pattern, Plain, Strict, Text


class SignUp(Strict):
    """POST /v1/accounts."""

    handle = Text(max_length=30)
    password = Plain(max_length=128, trim_whitespace=False)
    display_name = Text(max_length=40)
    bio = Text(max_length=200, required=False, allow_blank=True)
    city_code = Pattern(r"\A[0-9]{6}\Z", required=False)

    def validate_handle(self, value: str) -> str:
        """Folds the handle and checks its alphabet."""
        HANDLE(value.lower())
        return value.lower()


class SignIn(Strict):
    """POST /v1/auth/token."""

    handle = Text(max_length=30)
    password = Plain(max_length=128, trim_whitespace=False)
    code = Pattern(
        r"\A[0-9A-Za-z -]{6,20}\Z",
        required=False,
        allow_blank=True,
        help_text="of staff alone: the six digits of the second factor, or a recovery code",
    )
    label = Text(  # type: ignore[assignment]
        max_length=60, required=False, allow_blank=True
    )


class Token(serializers.Serializer):
    """A new token, shown once."""

    token = serializers.CharField()
    account = serializers.CharField(help_text="handle")


class PublicAccount(serializers.ModelSerializer):
    """What anybody sees of an account."""

    class Meta:
        model = Account
        fields = [
            "handle",
            "display_name",
            "bio",
            "city_code",
            "verification",
            "follower_count",
            "following_count",
            "note_count",
            "joined_at",
        ]
        read_only_fields = fields


class Me(serializers.ModelSerializer):
    """What an account sees of itself."""

    capabilities = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Account
        fields = [*PublicAccount.Meta.fields, "phone", "real_name_verified_at", "capabilities"]
        read_only_fields = fields


class ProfileChange(Strict):
    """PATCH /v1/me."""

    display_name = Text(max_length=40, required=False)
    bio = Text(max_length=200, required=False, allow_blank=True)
    city_code = Pattern(r"\A[0-9]{6}\Z", required=False)
    phone = Pattern(r"\A\+?[0-9]{6,15}\Z", required=False)


class PasswordChange(Strict):
    """POST /v1/me/password."""

    current_password = Plain(max_length=128, trim_whitespace=False)
    password = Plain(max_length=128, trim_whitespace=False)


class PasswordAgain(Strict):
    """What cannot be undone asks for the password once more."""

    current_password = Plain(max_length=128, trim_whitespace=False)


class PasswordReset(Strict):
    """POST /v1/auth/password-reset."""

    handle = Text(max_length=30)
    code = Pattern(r"\A[1-9A-HJ-NP-Za-km-z]{22}\Z")
    password = Plain(max_length=128, trim_whitespace=False)


class TokenAnswer(serializers.ModelSerializer):
    """A token as its owner tells it from others."""

    current = serializers.SerializerMethodField(help_text="the one this call was made with")

    class Meta:
        model = AccessToken
        fields = [
            "id", "prefix", "label", "created_at", "last_used_at", "expires_at", "current"
        ]  # fmt: skip
        read_only_fields = fields

    def get_current(self, token: AccessToken) -> bool:
        """Whether the call that lists them was made with this one."""
        return bool(token.pk == self.context.get("current"))


class AddressFields(Strict):
    """An address as the client gives it."""

    receiver = Text(max_length=40)
    phone = Pattern(r"\A\+?[0-9]{6,15}\Z")
    region_code = Pattern(r"\A[0-9]{6}\Z")
    detail = Text(max_length=200)
    is_default = Flag(required=False, default=False)


class AddressAnswer(serializers.ModelSerializer):
    """An address as it is stored."""

    class Meta:
        model = Address
        fields = ["id", "receiver", "phone", "region_code", "detail", "is_default"]
        read_only_fields = fields
