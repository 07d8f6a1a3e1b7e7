"""Accounts, their tokens, addresses and second factors."""

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from backend.core.migrating import InOneStep


class Migration(migrations.Migration):
    initial = True
    replaces = [
        ('accounts', '0001_initial'),
        ('accounts', '0002_second_factor'),
        ('accounts', '0003_tokens_resets_erasure'),
        ('accounts', '0004_failed_sign_in'),
    ]
    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('axes', '0010_accessattemptexpiration'),
    ]
    operations = [
        InOneStep([
            migrations.CreateModel(
                name='Account',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('password', models.CharField(max_length=128, verbose_name='password')),
                    ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                    ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                    ('handle', models.CharField(max_length=30, unique=True, validators=[django.core.validators.RegexValidator('\\A[a-z0-9][a-z0-9_.]{2,29}\\Z', '3 to 30 characters of a-z, 0-9, dot and underscore.')])),
                    ('display_name', models.CharField(max_length=40)),
                    ('bio', models.CharField(blank=True, default='', max_length=200)),
                    ('city_code', models.CharField(blank=True, default='', help_text='GB/T 2260', max_length=6)),
                    ('birth_year', models.PositiveSmallIntegerField(blank=True, null=True)),
                    ('gender', models.CharField(blank=True, choices=[('', 'unstated 未填'), ('f', 'female 女'), ('m', 'male 男')], default='', max_length=1)),
                    ('phone', models.CharField(blank=True, default='', max_length=20)),
                    ('verification', models.CharField(choices=[('none', 'none 未认证'), ('creator', 'creator 创作者'), ('celebrity', 'celebrity 名人'), ('brand', 'brand 品牌')], default='none', max_length=9)),
                    ('real_name_verified_at', models.DateTimeField(blank=True, null=True)),
                    ('follower_count', models.PositiveIntegerField(default=0)),
                    ('following_count', models.PositiveIntegerField(default=0)),
                    ('note_count', models.PositiveIntegerField(default=0)),
                    ('is_active', models.BooleanField(default=True)),
                    ('is_staff', models.BooleanField(default=False)),
                    ('joined_at', models.DateTimeField(auto_now_add=True)),
                    ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                    ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
                    ('sessions_ended', models.PositiveIntegerField(db_default=0, default=0, help_text='how often everybody signed in as this account was signed out')),
                    ('erased_at', models.DateTimeField(blank=True, help_text='when everything about the person was taken out', null=True)),
                ],
                options={
                    'verbose_name': 'account 账号',
                    'verbose_name_plural': 'accounts 账号',
                    'indexes': [models.Index(condition=models.Q(('phone', ''), _negated=True), fields=['phone'], name='account_phone')],
                    'constraints': [models.CheckConstraint(condition=models.Q(('handle__regex', '^[a-z0-9][a-z0-9_.]{2,29}$')), name='account_handle')],
                    'permissions': [('erase_account', 'Can take everything about a person out of the house'), ('reset_password', 'Can give a code with which a forgotten password is set anew')],
                },
            ),
            migrations.CreateModel(
                name='AccessToken',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('digest', models.BinaryField(max_length=32, unique=True)),
                    ('prefix', models.CharField(help_text='shown to tell tokens apart', max_length=12)),
                    ('label', models.CharField(blank=True, default='', max_length=60)),
                    ('created_at', models.DateTimeField()),
                    ('expires_at', models.DateTimeField()),
                    ('revoked_at', models.DateTimeField(blank=True, null=True)),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('last_used_at', models.DateTimeField(blank=True, help_text='to the day: a call a day writes it', null=True)),
                ],
                options={
                    'verbose_name': 'access token 访问令牌',
                    'verbose_name_plural': 'access tokens 访问令牌',
                    'indexes': [models.Index(fields=['account', '-id'], name='token_account')],
                },
            ),
            migrations.CreateModel(
                name='Address',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('receiver', models.CharField(max_length=40)),
                    ('phone', models.CharField(max_length=20)),
                    ('region_code', models.CharField(help_text='GB/T 2260 district', max_length=6)),
                    ('detail', models.CharField(max_length=200)),
                    ('is_default', models.BooleanField(default=False)),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'verbose_name': 'address 地址',
                    'verbose_name_plural': 'addresses 地址',
                    'constraints': [models.UniqueConstraint(condition=models.Q(('is_default', True)), fields=('account',), name='address_one_default')],
                },
            ),
            migrations.CreateModel(
                name='RecoveryCodes',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(help_text='The human-readable name of this device.', max_length=64)),
                    ('confirmed', models.BooleanField(default=True, help_text='Is this device ready for use?')),
                    ('throttling_failure_timestamp', models.DateTimeField(blank=True, default=None, help_text='A timestamp of the last failed verification attempt. Null if last attempt succeeded.', null=True)),
                    ('throttling_failure_count', models.PositiveIntegerField(default=0, help_text='Number of successive failed attempts.')),
                    ('created_at', models.DateTimeField(auto_now_add=True, help_text='The date and time when this device was initially created in the system.', null=True)),
                    ('last_used_at', models.DateTimeField(blank=True, help_text='The most recent date and time this device was used.', null=True)),
                    ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'verbose_name': 'recovery codes 恢复码',
                    'verbose_name_plural': 'recovery codes 恢复码',
                    'constraints': [models.UniqueConstraint(fields=('user',), name='recovery_codes_one')],
                },
            ),
            migrations.CreateModel(
                name='RecoveryCode',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('digest', models.CharField(max_length=200)),
                    ('codes', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='left', to='accounts.recoverycodes')),
                ],
                options={
                    'verbose_name': 'recovery code 恢复码',
                    'verbose_name_plural': 'recovery codes 恢复码',
                },
            ),
            migrations.CreateModel(
                name='Authenticator',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(help_text='The human-readable name of this device.', max_length=64)),
                    ('confirmed', models.BooleanField(default=True, help_text='Is this device ready for use?')),
                    ('throttling_failure_timestamp', models.DateTimeField(blank=True, default=None, help_text='A timestamp of the last failed verification attempt. Null if last attempt succeeded.', null=True)),
                    ('throttling_failure_count', models.PositiveIntegerField(default=0, help_text='Number of successive failed attempts.')),
                    ('created_at', models.DateTimeField(auto_now_add=True, help_text='The date and time when this device was initially created in the system.', null=True)),
                    ('last_used_at', models.DateTimeField(blank=True, help_text='The most recent date and time this device was used.', null=True)),
                    ('sealed_secret', models.BinaryField()),
                    ('last_step', models.BigIntegerField(default=-1, help_text='of the last code taken; no code up to it is taken again')),
                    ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'verbose_name': 'authenticator 验证器',
                    'verbose_name_plural': 'authenticators 验证器',
                    'constraints': [models.UniqueConstraint(fields=('user', 'confirmed'), name='authenticator_one')],
                },
            ),
            migrations.CreateModel(
                name='PasswordReset',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('digest', models.BinaryField(max_length=32)),
                    ('expires_at', models.DateTimeField()),
                    ('account', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('given_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'verbose_name': 'password reset 密码重置',
                    'verbose_name_plural': 'password resets 密码重置',
                },
            ),
            migrations.CreateModel(
                name='FailedSignIn',
                fields=[],
                options={
                    'verbose_name': 'failed sign-in 登录失败',
                    'verbose_name_plural': 'failed sign-ins 登录失败',
                    'proxy': True,
                },
                bases=('axes.accessattempt',),
            ),
        ]),
    ]
