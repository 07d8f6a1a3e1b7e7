"""Failed sign-ins, under a name of ours."""

from axes.models import AccessAttempt


class FailedSignIn(AccessAttempt):
    """Failures of a name from a network within a quarter of an hour, as django-axes counts them:
    its table, our words."""

    class Meta:
        proxy = True
        verbose_name = "failed sign-in 登录失败"
        verbose_name_plural = "failed sign-ins 登录失败"

    def __str__(self) -> str:
        return f"{self.username} from {self.ip_address}"
