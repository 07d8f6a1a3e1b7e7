"""Receivers of webhooks, what is told them and how they answered."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from backend.core.migrating import InOneStep


class Migration(migrations.Migration):
    initial = True
    dependencies = [
        ('shops', '0001_tables'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        InOneStep([
            migrations.CreateModel(
                name='WebhookEndpoint',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('scope', models.CharField(choices=[('own', 'what the account earns 本人收益'), ('shop', "the account's shop 本店"), ('market', 'the whole market 全平台')], max_length=6)),
                    ('url', models.CharField(max_length=500)),
                    ('kinds', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=30), size=None)),
                    ('description', models.CharField(blank=True, default='', max_length=100)),
                    ('status', models.CharField(choices=[('active', 'active 启用'), ('disabled', 'disabled by its owner 已停用'), ('off', 'switched off 已自动关闭'), ('removed', 'removed 已删除')], default='active', max_length=8)),
                    ('off_reason', models.CharField(blank=True, choices=[('', '—'), ('gone', 'the receiver answered 410 接收端已下线'), ('failing', 'no call succeeded for days 多日失败')], default='', max_length=7)),
                    ('off_at', models.DateTimeField(blank=True, null=True)),
                    ('secret_sealed', models.BinaryField()),
                    ('previous_sealed', models.BinaryField(blank=True, null=True)),
                    ('previous_until', models.DateTimeField(blank=True, null=True)),
                    ('since', models.DateTimeField()),
                    ('streak', models.PositiveIntegerField(default=0)),
                    ('failing_since', models.DateTimeField(blank=True, null=True)),
                    ('paused_until', models.DateTimeField(blank=True, null=True)),
                    ('last_success_at', models.DateTimeField(blank=True, null=True)),
                    ('last_failure_at', models.DateTimeField(blank=True, null=True)),
                    ('created_at', models.DateTimeField()),
                    ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('shop', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='shops.shop')),
                ],
                options={
                    'verbose_name': 'webhook endpoint 推送接收端',
                    'verbose_name_plural': 'webhook endpoints 推送接收端',
                    'permissions': [('listen_market', 'Can have webhooks of the whole market by the API')],
                    'indexes': [models.Index(condition=models.Q(('status', 'active')), fields=['id'], name='webhook_endpoint_active'), models.Index(fields=['account', '-id'], name='webhook_endpoint_account')],
                    'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('scope', 'shop'), ('shop__isnull', False)), models.Q(models.Q(('scope', 'shop'), _negated=True), ('shop__isnull', True)), _connector='OR'), name='webhook_endpoint_scope'), models.CheckConstraint(condition=models.Q(('status', 'off'), ('off_reason', ''), _connector='XOR'), name='webhook_endpoint_off'), models.CheckConstraint(condition=models.Q(models.Q(('previous_sealed__isnull', True), ('previous_until__isnull', True)), models.Q(('previous_sealed__isnull', False), ('previous_until__isnull', False)), _connector='OR'), name='webhook_endpoint_secrets'), models.CheckConstraint(condition=models.Q(models.Q(('failing_since__isnull', True), ('streak', 0)), models.Q(('failing_since__isnull', False), ('streak__gt', 0)), _connector='OR'), name='webhook_endpoint_streak')],
                },
            ),
            migrations.CreateModel(
                name='WebhookDelivery',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('event_id', models.CharField(max_length=80)),
                    ('kind', models.CharField(max_length=30)),
                    ('data', models.JSONField(default=dict)),
                    ('occurred_at', models.DateTimeField()),
                    ('created_at', models.DateTimeField()),
                    ('state', models.CharField(choices=[('waiting', 'waiting 待推送'), ('sending', 'sending 推送中'), ('delivered', 'delivered 已送达'), ('failed', 'given up 已放弃')], default='waiting', max_length=9)),
                    ('tries', models.PositiveSmallIntegerField(default=0)),
                    ('calls', models.PositiveIntegerField(default=0)),
                    ('due_at', models.DateTimeField()),
                    ('delivered_at', models.DateTimeField(blank=True, null=True)),
                    ('endpoint', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='webhooks.webhookendpoint')),
                ],
                options={
                    'verbose_name': 'webhook delivery 推送',
                    'verbose_name_plural': 'webhook deliveries 推送',
                    'indexes': [models.Index(condition=models.Q(('state__in', ['waiting', 'sending'])), fields=['endpoint', 'due_at', 'id'], name='webhook_to_send'), models.Index(fields=['endpoint', '-id'], name='webhook_of_endpoint'), models.Index(fields=['created_at'], name='webhook_age')],
                    'constraints': [models.UniqueConstraint(fields=('endpoint', 'event_id'), name='webhook_told_once'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'delivered'), _negated=True), ('delivered_at__isnull', False), _connector='OR'), name='webhook_delivered_at')],
                },
            ),
            migrations.CreateModel(
                name='WebhookAttempt',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('at', models.DateTimeField()),
                    ('status_code', models.PositiveSmallIntegerField(blank=True, null=True)),
                    ('latency_ms', models.PositiveIntegerField()),
                    ('error', models.CharField(blank=True, default='', max_length=200)),
                    ('answer', models.CharField(blank=True, default='', max_length=1024)),
                    ('delivery', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='attempts', to='webhooks.webhookdelivery')),
                ],
                options={
                    'verbose_name': 'webhook attempt 推送尝试',
                    'verbose_name_plural': 'webhook attempts 推送尝试',
                    'indexes': [models.Index(fields=['delivery', 'id'], name='webhook_attempts')],
                },
            ),
        ]),
    ]
