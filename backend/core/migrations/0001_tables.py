"""The outbox, idempotency keys, the audit trail and row changes; the functions of the guards."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from backend.core.guards import (
    ACT_FUNCTION,
    APPEND_ONLY_FUNCTION,
    ROW_CHANGE_FUNCTION,
    append_only,
    drop_append_only,
)
from backend.core.migrating import InOneStep

TABLES = ["core_auditentry", "core_rowchange"]


class Migration(migrations.Migration):
    initial = True
    replaces = [
        ('core', '0001_initial'),
        ('core', '0002_guards'),
        ('core', '0003_parked_events'),
        ('core', '0004_one_index_each'),
        ('core', '0060_row_changes'),
    ]
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.RunSQL(
            APPEND_ONLY_FUNCTION, "DROP FUNCTION IF EXISTS tuike_append_only() CASCADE"
        ),
        # Asked by a default of the audit trail: it comes before the table.
        migrations.RunSQL(ACT_FUNCTION, "DROP FUNCTION IF EXISTS tuike_act() CASCADE"),
        migrations.RunSQL(
            ROW_CHANGE_FUNCTION, "DROP FUNCTION IF EXISTS tuike_row_change() CASCADE"
        ),
        InOneStep([
            migrations.CreateModel(
                name='Heartbeat',
                fields=[
                    ('job', models.CharField(max_length=40, primary_key=True, serialize=False)),
                    ('at', models.DateTimeField()),
                    ('note', models.CharField(blank=True, default='', max_length=200)),
                ],
                options={
                    'verbose_name': 'heartbeat 心跳',
                    'verbose_name_plural': 'heartbeats 心跳',
                },
            ),
            migrations.CreateModel(
                name='Event',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(max_length=40)),
                    ('subject_id', models.BigIntegerField()),
                    ('payload', models.JSONField(default=dict)),
                    ('state', models.CharField(choices=[('pending', 'pending 待投递'), ('delivered', 'delivered 已投递'), ('parked', 'parked 搁置')], default='pending', max_length=9)),
                    ('attempts', models.PositiveSmallIntegerField(default=0)),
                    ('error', models.TextField(blank=True, default='')),
                    ('recorded_at', models.DateTimeField()),
                    ('due_at', models.DateTimeField()),
                    ('delivered_at', models.DateTimeField(blank=True, null=True)),
                ],
                options={
                    'verbose_name': 'event 事件',
                    'verbose_name_plural': 'events 事件',
                    'indexes': [models.Index(condition=models.Q(('state', 'pending')), fields=['due_at', 'id'], name='event_pending'), models.Index(fields=['kind', 'subject_id'], name='event_subject'), models.Index(condition=models.Q(('state', 'parked')), fields=['id'], name='event_parked')],
                },
            ),
            migrations.CreateModel(
                name='AuditEntry',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('at', models.DateTimeField()),
                    ('action', models.CharField(max_length=60)),
                    ('target_kind', models.CharField(max_length=40)),
                    ('target_id', models.CharField(max_length=64)),
                    ('reason', models.TextField(blank=True, default='')),
                    ('data', models.JSONField(default=dict, help_text='before and after, numbers of the act')),
                    ('actor', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('act', models.UUIDField(db_default=models.Func(function='tuike_act'), help_text='the same in every row that one transaction wrote, and in its row changes', null=True)),
                ],
                options={
                    'verbose_name': 'audit entry 审计',
                    'verbose_name_plural': 'audit entries 审计',
                    'indexes': [models.Index(fields=['target_kind', 'target_id', 'id'], name='audit_target'), models.Index(fields=['act'], name='audit_act')],
                },
            ),
            migrations.CreateModel(
                name='IdempotencyKey',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('key', models.CharField(max_length=128)),
                    ('operation', models.CharField(help_text='method and path', max_length=300)),
                    ('fingerprint', models.CharField(help_text='SHA-256 of operation and body', max_length=64)),
                    ('status_code', models.PositiveSmallIntegerField(null=True)),
                    ('answer', models.BinaryField(null=True)),
                    ('created_at', models.DateTimeField()),
                    ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'verbose_name': 'idempotency key 幂等键',
                    'verbose_name_plural': 'idempotency keys 幂等键',
                    'indexes': [models.Index(fields=['created_at'], name='idempotency_age')],
                    'constraints': [models.UniqueConstraint(fields=('account', 'key'), name='idempotency_once')],
                },
            ),
            migrations.CreateModel(
                name='RowChange',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text="by the database's own clock")),
                    ('act', models.UUIDField()),
                    ('table_name', models.CharField(max_length=63)),
                    ('row_id', models.CharField(max_length=64)),
                    ('operation', models.CharField(choices=[('insert', 'added 新增'), ('update', 'changed 修改'), ('delete', 'removed 删除')], max_length=6)),
                    ('before', models.JSONField(null=True)),
                    ('after', models.JSONField(null=True)),
                    ('database_user', models.CharField(max_length=63)),
                ],
                options={
                    'verbose_name': 'row change 数据变更',
                    'verbose_name_plural': 'row changes 数据变更',
                    'indexes': [models.Index(fields=['table_name', 'row_id', 'id'], name='change_of_row'), models.Index(fields=['act'], name='change_act')],
                },
            ),
        ]),
        *(migrations.RunSQL(append_only(table), drop_append_only(table)) for table in TABLES),
    ]
