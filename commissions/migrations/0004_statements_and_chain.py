"""Statements and re-statements, the chain of sealed journals and its archives."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from backend.core.migrating import InOneStep


class Migration(migrations.Migration):
    replaces = [
        ('commissions', '0050_settlement_calendar_and_statements'),
        ('commissions', '0060_chain'),
    ]
    dependencies = [
        ('commissions', '0003_commissions_and_ledger'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        InOneStep([
            migrations.CreateModel(
                name='StatementKey',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('key_id', models.CharField(max_length=16, unique=True)),
                    ('public_key', models.CharField(help_text='Ed25519, hex', max_length=64)),
                    ('first_used_at', models.DateTimeField()),
                ],
                options={
                    'verbose_name': 'statement key 结算单公钥',
                    'verbose_name_plural': 'statement keys 结算单公钥',
                },
            ),
            migrations.CreateModel(
                name='Restatement',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('number', models.PositiveIntegerField(help_text='1, 2 … within the period')),
                    ('at', models.DateTimeField()),
                    ('reason', models.CharField(max_length=300)),
                    ('lines_count', models.PositiveIntegerField()),
                    ('amount_fen', models.BigIntegerField()),
                    ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('period', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='restatements', to='commissions.settlementperiod')),
                ],
                options={
                    'verbose_name': 're-statement 结算重述',
                    'verbose_name_plural': 're-statements 结算重述',
                    'constraints': [models.UniqueConstraint(fields=('period', 'number'), name='restatement_once'), models.CheckConstraint(condition=models.Q(('lines_count__gte', 1), ('number__gte', 1), models.Q(('reason', ''), _negated=True)), name='restatement_says_something')],
                },
            ),
            migrations.CreateModel(
                name='RestatementLine',
                fields=[
                    ('pk', models.CompositePrimaryKey('account_id', 'journal_id', blank=True, editable=False, primary_key=True, serialize=False)),
                    ('account_id', models.BigIntegerField()),
                    ('journal_id', models.BigIntegerField()),
                    ('commission_id', models.BigIntegerField(null=True)),
                    ('run_id', models.BigIntegerField(help_text='the run that it corrects, or the late one')),
                    ('amount_fen', models.BigIntegerField()),
                    ('restatement', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='commissions.restatement')),
                ],
                options={
                    'verbose_name': 're-statement line 重述明细',
                    'verbose_name_plural': 're-statement lines 重述明细',
                },
            ),
            migrations.CreateModel(
                name='StatementDue',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('owner_kind', models.CharField(choices=[('person', 'person 个人'), ('shop', 'shop 店铺')], max_length=6)),
                    ('owner_id', models.BigIntegerField()),
                    ('period', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='dues', to='commissions.settlementperiod')),
                ],
                options={
                    'verbose_name': 'statement due 待出结算单',
                    'verbose_name_plural': 'statements due 待出结算单',
                    'constraints': [models.UniqueConstraint(fields=('owner_kind', 'owner_id', 'period'), name='statement_due_once')],
                },
            ),
            migrations.CreateModel(
                name='Statement',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('number', models.CharField(max_length=32, unique=True)),
                    ('owner_kind', models.CharField(choices=[('person', 'person 个人'), ('shop', 'shop 店铺')], max_length=6)),
                    ('owner_id', models.BigIntegerField()),
                    ('opening', models.JSONField(default=dict, help_text='fen by kind of account')),
                    ('closing', models.JSONField(default=dict, help_text='fen by kind of account')),
                    ('sums', models.JSONField(default=dict, help_text='fen by cause and kind of account')),
                    ('lines_count', models.PositiveIntegerField(default=0)),
                    ('late_count', models.PositiveIntegerField(default=0)),
                    ('closed_at', models.DateTimeField()),
                    ('digest', models.CharField(default='', help_text="of the signed file's chain", max_length=64)),
                    ('signature', models.CharField(default='', max_length=128)),
                    ('period', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='commissions.settlementperiod')),
                    ('signed_by', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='commissions.statementkey')),
                ],
                options={
                    'verbose_name': 'statement 结算单',
                    'verbose_name_plural': 'statements 结算单',
                    'indexes': [models.Index(fields=['owner_kind', 'owner_id', '-id'], name='statement_owner')],
                    'constraints': [models.UniqueConstraint(fields=('owner_kind', 'owner_id', 'period'), name='statement_once'), models.CheckConstraint(condition=models.Q(models.Q(('digest', ''), ('signature', ''), ('signed_by__isnull', True)), models.Q(models.Q(('digest', ''), _negated=True), models.Q(('signature', ''), _negated=True), ('signed_by__isnull', False)), _connector='OR'), name='statement_signed_whole')],
                },
            ),
            migrations.CreateModel(
                name='StatementLine',
                fields=[
                    ('pk', models.CompositePrimaryKey('statement_id', 'number', blank=True, editable=False, primary_key=True, serialize=False)),
                    ('statement_id', models.BigIntegerField()),
                    ('number', models.PositiveIntegerField(help_text='1, 2 … in the order of posting')),
                    ('account_id', models.BigIntegerField()),
                    ('journal_id', models.BigIntegerField()),
                ],
                options={
                    'verbose_name': 'statement line 结算单明细',
                    'verbose_name_plural': 'statement lines 结算单明细',
                    'constraints': [models.UniqueConstraint(fields=('account_id', 'journal_id'), name='stated_once')],
                },
            ),
            migrations.CreateModel(
                name='SealedJournal',
                fields=[
                    ('n', models.BigIntegerField(help_text='1, 2, 3 … without a gap', primary_key=True, serialize=False)),
                    ('journal_id', models.BigIntegerField(unique=True)),
                    ('link', models.BinaryField(max_length=32)),
                ],
                options={
                    'verbose_name': 'sealed journal 链上凭证',
                    'verbose_name_plural': 'sealed journals 链上凭证',
                    'permissions': [('export_books', 'Can download the books 导出账本')],
                },
            ),
            migrations.CreateModel(
                name='SealWaiting',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('journal_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ],
                options={
                    'verbose_name': 'journals to seal 待封存凭证',
                    'verbose_name_plural': 'journals to seal 待封存凭证',
                },
            ),
            migrations.CreateModel(
                name='BooksArchive',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('first', models.BigIntegerField(help_text='the first number of the chain in it', unique=True)),
                    ('last', models.BigIntegerField(unique=True)),
                    ('before', models.DateTimeField(help_text='every journal in it is older')),
                    ('link', models.CharField(help_text="the chain's link at `last`", max_length=64)),
                    ('checksum', models.CharField(help_text='of the file as it was written', max_length=64)),
                    ('size', models.BigIntegerField(help_text='bytes')),
                    ('file_name', models.CharField(max_length=120)),
                    ('closing_checksum', models.CharField(help_text="of the file's closing balances, as the next file opens with", max_length=64)),
                    ('accounts', models.BigIntegerField(help_text='how many accounts it closes with')),
                    ('made_at', models.DateTimeField()),
                    ('made_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'verbose_name': 'archive of the books 账本归档',
                    'verbose_name_plural': 'archives of the books 账本归档',
                    'constraints': [models.CheckConstraint(condition=models.Q(('first__gt', 0), ('last__gte', models.F('first'))), name='archive_of_something')],
                },
            ),
        ]),
    ]
