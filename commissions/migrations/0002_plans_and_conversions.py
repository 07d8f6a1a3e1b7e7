"""Offers and plans, bounties, bans, and conversions that are reported from elsewhere."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models

from backend.core.migrating import InOneStep


class Migration(migrations.Migration):
    replaces = [
        ('commissions', '0010_plan_kinds'),
        ('commissions', '0012_what_if'),
        ('commissions', '0040_write_offs_conversions_risks_bounties'),
        ('commissions', '0091_banned_coupons'),
    ]
    dependencies = [
        ('commissions', '0001_promoters'),
        ('shops', '0001_tables'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        InOneStep([
            migrations.CreateModel(
                name='CommissionOffer',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('rate_bps', models.PositiveIntegerField()),
                    ('is_active', models.BooleanField(default=True)),
                    ('starts_at', models.DateTimeField()),
                    ('ends_at', models.DateTimeField(blank=True, null=True)),
                    ('product', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='shops.product')),
                ],
                options={
                    'verbose_name': 'commission offer 佣金',
                    'verbose_name_plural': 'commission offers 佣金',
                    'constraints': [models.UniqueConstraint(condition=models.Q(('is_active', True)), fields=('product',), name='offer_one_active'), models.CheckConstraint(condition=models.Q(('rate_bps__lte', 10000)), name='offer_rate'), models.CheckConstraint(condition=models.Q(('ends_at__isnull', True), ('ends_at__gte', models.F('starts_at')), _connector='OR'), name='offer_period')],
                },
            ),
            migrations.CreateModel(
                name='CommissionPlan',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=60)),
                    ('kind', models.CharField(choices=[('open', 'open 普通'), ('targeted', 'targeted 定向'), ('exclusive', 'exclusive 专属'), ('campaign', 'campaign 活动')], default='open', max_length=9)),
                    ('created_at', models.DateTimeField()),
                    ('shop', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='shops.shop')),
                ],
                options={
                    'verbose_name': 'commission plan 分佣方案',
                    'verbose_name_plural': 'commission plans 分佣方案',
                },
            ),
            migrations.CreateModel(
                name='PlanVersion',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('number', models.PositiveIntegerField()),
                    ('promoter_bps', models.PositiveIntegerField()),
                    ('inviter_bps', models.PositiveIntegerField(default=0)),
                    ('creator_bps', models.PositiveIntegerField(default=10000)),
                    ('charity_bps', models.PositiveIntegerField(default=0, help_text='of the platform fee')),
                    ('is_default', models.BooleanField(default=False)),
                    ('starts_at', models.DateTimeField()),
                    ('ends_at', models.DateTimeField(blank=True, null=True)),
                    ('published_at', models.DateTimeField(blank=True, null=True)),
                    ('plan', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='commissions.commissionplan')),
                    ('all_products', models.BooleanField(db_default=True, default=True)),
                    ('all_promoters', models.BooleanField(db_default=True, default=True)),
                    ('cap_day_fen', models.BigIntegerField(blank=True, null=True)),
                    ('cap_month_fen', models.BigIntegerField(blank=True, null=True)),
                    ('cap_order_fen', models.BigIntegerField(blank=True, null=True)),
                    ('rate_bps', models.PositiveIntegerField(blank=True, null=True)),
                    ('shop', models.ForeignKey(blank=True, db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='shops.shop')),
                    ('tier_bonuses', models.JSONField(blank=True, db_default={}, default=dict, help_text='bps added by tier: {tier: bps}')),
                    ('tiers', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=8), blank=True, db_default=[], default=list, size=3)),
                    ('unit_fen', models.BigIntegerField(blank=True, help_text='fen for each unit sold', null=True)),
                    ('inviter2_bps', models.PositiveIntegerField(db_default=0, default=0)),
                ],
                options={
                    'verbose_name': 'plan version 方案版本',
                    'verbose_name_plural': 'plan versions 方案版本',
                    'indexes': [models.Index(condition=models.Q(('is_default', False), ('published_at__isnull', False)), fields=['shop', 'starts_at'], name='plan_version_offering')],
                    'constraints': [models.UniqueConstraint(fields=('plan', 'number'), name='plan_version_once'), models.CheckConstraint(condition=models.Q(models.Q(('rate_bps__isnull', True), ('unit_fen__isnull', True), _connector='OR'), models.Q(('rate_bps__isnull', True), ('rate_bps__lte', 10000), _connector='OR'), models.Q(('unit_fen__isnull', True), ('unit_fen__gt', 0), _connector='OR')), name='plan_one_rate'), models.CheckConstraint(condition=models.Q(models.Q(('cap_order_fen__isnull', True), ('cap_order_fen__gt', 0), _connector='OR'), models.Q(('cap_day_fen__isnull', True), ('cap_day_fen__gt', 0), _connector='OR'), models.Q(('cap_month_fen__isnull', True), ('cap_month_fen__gt', 0), _connector='OR')), name='plan_caps'), models.CheckConstraint(condition=models.Q(('ends_at__isnull', True), ('ends_at__gte', models.F('starts_at')), _connector='OR'), name='plan_period'), models.CheckConstraint(condition=models.Q(('is_default', False), models.Q(('all_products', True), ('rate_bps__isnull', True), ('unit_fen__isnull', True), ('all_promoters', True), ('shop__isnull', True)), _connector='OR'), name='plan_default_divides'), models.CheckConstraint(condition=models.Q(('promoter_bps__lte', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.Value(10000), '-', models.F('inviter_bps')), '-', models.F('inviter2_bps'))), ('charity_bps__lte', 10000), ('creator_bps__lte', 10000), ('inviter_bps__lte', 10000)), name='plan_not_over_100_percent')],
                },
            ),
            migrations.CreateModel(
                name='PlanCounter',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('order', 'an order 单笔'), ('day', 'a day 每日'), ('month', 'a month 每月')], max_length=5)),
                    ('account_id', models.BigIntegerField(help_text='who earns: the promoter or creator')),
                    ('period', models.BigIntegerField()),
                    ('used_fen', models.BigIntegerField()),
                    ('plan', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='commissions.commissionplan')),
                ],
                options={
                    'verbose_name': 'plan counter 封顶计数',
                    'verbose_name_plural': 'plan counters 封顶计数',
                    'constraints': [models.UniqueConstraint(fields=('plan', 'kind', 'account_id', 'period'), name='plan_counter_once'), models.CheckConstraint(condition=models.Q(('used_fen__gte', 0)), name='plan_counter_used')],
                },
            ),
            migrations.CreateModel(
                name='PlanFund',
                fields=[
                    ('plan', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='fund', serialize=False, to='commissions.commissionplan')),
                    ('funded_fen', models.BigIntegerField()),
                    ('taken_fen', models.BigIntegerField(default=0)),
                    ('returned_fen', models.BigIntegerField(default=0)),
                ],
                options={
                    'verbose_name': 'plan fund 方案预算',
                    'verbose_name_plural': 'plan funds 方案预算',
                    'constraints': [models.CheckConstraint(condition=models.Q(('returned_fen__gte', 0), ('returned_fen__lte', models.F('taken_fen')), ('taken_fen__lte', django.db.models.expressions.CombinedExpression(models.F('funded_fen'), '+', models.F('returned_fen')))), name='plan_fund_never_exceeded')],
                },
            ),
            migrations.CreateModel(
                name='PlanProduct',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('product', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='shops.product')),
                    ('version', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='products', to='commissions.planversion')),
                ],
                options={
                    'verbose_name': 'plan product 方案商品',
                    'verbose_name_plural': 'plan products 方案商品',
                    'constraints': [models.UniqueConstraint(fields=('version', 'product'), name='plan_product_once')],
                },
            ),
            migrations.CreateModel(
                name='PlanReturn',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('commission_id', models.BigIntegerField()),
                    ('amount_fen', models.BigIntegerField()),
                    ('plan', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='commissions.commissionplan')),
                ],
                options={
                    'verbose_name': 'plan return 预算退回',
                    'verbose_name_plural': 'plan returns 预算退回',
                },
            ),
            migrations.CreateModel(
                name='PlanTarget',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('promoter', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='commissions.promoter')),
                    ('version', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='targets', to='commissions.planversion')),
                ],
                options={
                    'verbose_name': 'plan target 定向推客',
                    'verbose_name_plural': 'plan targets 定向推客',
                    'constraints': [models.UniqueConstraint(fields=('version', 'promoter'), name='plan_target_once')],
                },
            ),
            migrations.CreateModel(
                name='WhatIf',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('from_at', models.DateTimeField()),
                    ('to_at', models.DateTimeField()),
                    ('status', models.CharField(choices=[('queued', 'queued 排队'), ('running', 'running 进行中'), ('done', 'done 已完成'), ('failed', 'failed 失败')], default='queued', max_length=7)),
                    ('asked_at', models.DateTimeField()),
                    ('started_at', models.DateTimeField(blank=True, null=True)),
                    ('lines', models.BigIntegerField(default=0)),
                    ('seen', models.BigIntegerField(default=0)),
                    ('result', models.JSONField(blank=True, null=True)),
                    ('asked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('shop', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='shops.shop')),
                    ('version', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='commissions.planversion')),
                ],
                options={
                    'verbose_name': 'what-if 试算',
                    'verbose_name_plural': 'what-ifs 试算',
                    'indexes': [models.Index(condition=models.Q(('status__in', ['queued', 'running'])), fields=['id'], name='what_if_waiting')],
                    'constraints': [models.CheckConstraint(condition=models.Q(('to_at__gt', models.F('from_at'))), name='what_if_period')],
                },
            ),
            migrations.CreateModel(
                name='Bounty',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('title', models.CharField(max_length=60)),
                    ('goal', models.CharField(choices=[('orders', 'orders 订单数'), ('sales', 'net sales in fen 净销售额')], max_length=6)),
                    ('target', models.BigIntegerField(help_text='orders, or fen')),
                    ('reward_fen', models.BigIntegerField()),
                    ('budget_fen', models.BigIntegerField(help_text='Σ rewards never exceeds it')),
                    ('starts_at', models.DateTimeField()),
                    ('ends_at', models.DateTimeField(help_text='not included')),
                    ('hold_days', models.PositiveSmallIntegerField(default=15)),
                    ('status', models.CharField(choices=[('draft', 'draft 草稿'), ('published', 'published 已发布'), ('ended', 'ended 已结束')], default='draft', max_length=9)),
                    ('created_at', models.DateTimeField()),
                    ('created_by', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('shop', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='shops.shop')),
                ],
                options={
                    'verbose_name': 'bounty 任务奖励',
                    'verbose_name_plural': 'bounties 任务奖励',
                    'indexes': [models.Index(condition=models.Q(('status', 'published')), fields=['id'], name='bounty_open')],
                    'constraints': [models.CheckConstraint(condition=models.Q(('goal__in', ['orders', 'sales']), ('target__gt', 0)), name='bounty_goal'), models.CheckConstraint(condition=models.Q(('budget_fen__gte', models.F('reward_fen')), ('reward_fen__gt', 0)), name='bounty_budget'), models.CheckConstraint(condition=models.Q(('starts_at__lt', models.F('ends_at'))), name='bounty_period')],
                },
            ),
            migrations.CreateModel(
                name='BountyAward',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('reward_fen', models.BigIntegerField()),
                    ('reached', models.BigIntegerField(help_text='orders or fen when it was promised')),
                    ('status', models.CharField(choices=[('promised', 'promised 待发放'), ('paid', 'paid 已发放'), ('void', 'void 已失效')], default='promised', max_length=8)),
                    ('reason', models.CharField(blank=True, choices=[('', '—'), ('goal_lost', 'refunds took the goal back 退款后未达标')], default='', max_length=20)),
                    ('promised_at', models.DateTimeField()),
                    ('matures_at', models.DateTimeField()),
                    ('finished_at', models.DateTimeField(blank=True, null=True)),
                    ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('bounty', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='awards', to='commissions.bounty')),
                ],
                options={
                    'verbose_name': 'bounty award 奖励',
                    'verbose_name_plural': 'bounty awards 奖励',
                    'indexes': [models.Index(condition=models.Q(('status', 'promised')), fields=['matures_at', 'id'], name='bounty_award_due')],
                    'constraints': [models.UniqueConstraint(fields=('bounty', 'account'), name='bounty_award_once'), models.CheckConstraint(condition=models.Q(('reward_fen__gt', 0)), name='bounty_award_reward'), models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('status', 'promised')), models.Q(models.Q(('status', 'promised'), _negated=True), ('finished_at__isnull', False)), _connector='OR'), name='bounty_award_finished')],
                },
            ),
            migrations.CreateModel(
                name='BannedSource',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('referral', 'promotion link 推广链接'), ('note', 'note 笔记'), ('live', 'live 直播'), ('coupon', 'coupon code 优惠码'), ('promoter', 'promoter 推客')], max_length=8)),
                    ('source_id', models.BigIntegerField()),
                    ('reason', models.CharField(max_length=300)),
                    ('banned_at', models.DateTimeField()),
                    ('lifted_at', models.DateTimeField(blank=True, null=True)),
                    ('banned_by', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'verbose_name': 'banned source 封禁来源',
                    'verbose_name_plural': 'banned sources 封禁来源',
                    'constraints': [models.UniqueConstraint(condition=models.Q(('lifted_at__isnull', True)), fields=('kind', 'source_id'), name='banned_source_once')],
                },
            ),
            migrations.CreateModel(
                name='ConversionSource',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=60)),
                    ('fee_bps', models.PositiveIntegerField(default=0, help_text='platform fee of these orders, bps')),
                    ('window_days', models.PositiveSmallIntegerField(default=15)),
                    ('secret_sealed', models.BinaryField()),
                    ('is_active', models.BooleanField(default=True)),
                    ('created_at', models.DateTimeField()),
                    ('buyer', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('shop', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='shops.shop')),
                ],
                options={
                    'verbose_name': 'conversion source 转化来源',
                    'verbose_name_plural': 'conversion sources 转化来源',
                    'constraints': [models.UniqueConstraint(fields=('name',), name='conversion_source_name'), models.CheckConstraint(condition=models.Q(('fee_bps__lte', 10000)), name='conversion_source_fee')],
                },
            ),
            migrations.CreateModel(
                name='ConversionImport',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('csv', 'CSV'), ('jsonl', 'JSON Lines')], max_length=5)),
                    ('dry_run', models.BooleanField(default=False)),
                    ('status', models.CharField(choices=[('waiting', 'waiting 待处理'), ('running', 'running 处理中'), ('done', 'done 已完成'), ('failed', 'failed 失败')], default='waiting', max_length=7)),
                    ('size_bytes', models.BigIntegerField()),
                    ('checksum', models.CharField(help_text='SHA-256 of the file', max_length=64)),
                    ('columns', models.JSONField(default=list, help_text='of a CSV file, as its first row names them')),
                    ('position', models.BigIntegerField(default=0)),
                    ('row_count', models.PositiveIntegerField(default=0)),
                    ('counts', models.JSONField(default=dict)),
                    ('error', models.CharField(blank=True, default='', max_length=200)),
                    ('created_at', models.DateTimeField()),
                    ('finished_at', models.DateTimeField(blank=True, null=True)),
                    ('uploaded_by', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('source', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='imports', to='commissions.conversionsource')),
                ],
                options={
                    'verbose_name': 'conversion import 转化导入',
                    'verbose_name_plural': 'conversion imports 转化导入',
                    'indexes': [models.Index(fields=['source', '-id'], name='conversion_import_source'), models.Index(condition=models.Q(('status__in', ['waiting', 'running'])), fields=['id'], name='conversion_import_open')],
                    'constraints': [models.CheckConstraint(condition=models.Q(('position__gte', 0), ('position__lte', models.F('size_bytes'))), name='conversion_import_position')],
                },
            ),
            migrations.CreateModel(
                name='ConversionPiece',
                fields=[
                    ('pk', models.CompositePrimaryKey('upload_id', 'number', blank=True, editable=False, primary_key=True, serialize=False)),
                    ('number', models.PositiveIntegerField()),
                    ('content', models.BinaryField()),
                    ('upload', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='pieces', to='commissions.conversionimport')),
                ],
                options={
                    'verbose_name': 'conversion file piece 转化文件分片',
                    'verbose_name_plural': 'conversion file pieces 转化文件分片',
                },
            ),
            migrations.CreateModel(
                name='ConversionNotice',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('notice_id', models.CharField(max_length=64)),
                    ('verdict', models.CharField(max_length=20)),
                    ('received_at', models.DateTimeField()),
                    ('source', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='commissions.conversionsource')),
                ],
                options={
                    'verbose_name': 'conversion notice 转化通知',
                    'verbose_name_plural': 'conversion notices 转化通知',
                    'constraints': [models.UniqueConstraint(fields=('source', 'notice_id'), name='conversion_notice_once')],
                },
            ),
            migrations.CreateModel(
                name='ConversionGoods',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('external_sku', models.CharField(max_length=64)),
                    ('rate_bps', models.PositiveIntegerField(blank=True, null=True)),
                    ('sku', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='shops.sku')),
                    ('source', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='goods', to='commissions.conversionsource')),
                ],
                options={
                    'verbose_name': 'conversion goods 转化商品',
                    'verbose_name_plural': 'conversion goods 转化商品',
                    'constraints': [models.UniqueConstraint(fields=('source', 'external_sku'), name='conversion_goods_once'), models.CheckConstraint(condition=models.Q(('rate_bps__isnull', True), ('rate_bps__lte', 10000), _connector='OR'), name='conversion_goods_rate')],
                },
            ),
            migrations.CreateModel(
                name='Conversion',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('external_order', models.CharField(max_length=64)),
                    ('external_line', models.CharField(max_length=64)),
                    ('external_sku', models.CharField(max_length=64)),
                    ('paid_fen', models.BigIntegerField()),
                    ('created_at', models.DateTimeField()),
                    ('order_line', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='shops.orderline')),
                    ('source', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='commissions.conversionsource')),
                ],
                options={
                    'verbose_name': 'conversion 转化',
                    'verbose_name_plural': 'conversions 转化',
                    'constraints': [models.UniqueConstraint(fields=('source', 'external_order', 'external_line'), name='conversion_once'), models.CheckConstraint(condition=models.Q(('paid_fen__gt', 0)), name='conversion_paid')],
                },
            ),
            migrations.CreateModel(
                name='ConversionVerdict',
                fields=[
                    ('pk', models.CompositePrimaryKey('upload_id', 'row', blank=True, editable=False, primary_key=True, serialize=False)),
                    ('row', models.PositiveIntegerField()),
                    ('code', models.CharField(max_length=20)),
                    ('external_order', models.CharField(blank=True, default='', max_length=64)),
                    ('external_line', models.CharField(blank=True, default='', max_length=64)),
                    ('upload', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='verdicts', to='commissions.conversionimport')),
                ],
                options={
                    'verbose_name': 'conversion verdict 转化判定',
                    'verbose_name_plural': 'conversion verdicts 转化判定',
                },
            ),
        ]),
    ]
